"""`cdk synth` as operators and CI run it: without account or network, in a few seconds."""

import json
import os
import resource
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.paths import ROOT

pytestmark = pytest.mark.timeout(600)

MAX_PROCESSOR_SECONDS = 10.0  # CPU time of all its processes
# A network namespace of its own, without even a loopback address.
WITHOUT_NETWORK = ["unshare", "--net", "--map-root-user"]


def without_network() -> list[str]:
    """Prefix of a command that runs without network; empty if that is not possible."""
    probe = subprocess.run([*WITHOUT_NETWORK, "true"], capture_output=True, check=False)
    return WITHOUT_NETWORK if probe.returncode == 0 else []


def synth(
    cdk: list[str], folder: Path, *arguments: str, **more: str
) -> subprocess.CompletedProcess[str]:
    """Run it without AWS configuration and without network."""
    environment = {
        "PATH": f"{ROOT / '.venv/bin'}:/usr/bin:/bin",
        "HOME": str(Path.home()),  # the library is unpacked there
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "CDK_DISABLE_CLI_TELEMETRY": "true",
    }
    return subprocess.run(
        [*without_network(), *cdk, "synth", "--quiet", f"--output={folder / 'out'}", *arguments],
        cwd=ROOT,
        env=environment | more,
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )


@pytest.fixture(scope="module")
def assembly(cdk: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cloud assembly with default settings."""
    folder = tmp_path_factory.mktemp("synth")
    # The first run unpacks and compiles CDK's library; it also makes CDK's slow check.
    checked = synth(cdk, folder, CDK_VALIDATION="true")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    (folder / "out").rename(folder / "checked")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = synth(cdk, folder)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert done.returncode == 0, done.stdout + done.stderr
    print(f"{seconds:.1f} s of processor")
    assert seconds <= MAX_PROCESSOR_SECONDS
    return folder / "out"


def template_of(assembly: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((assembly / "SepsisDetect.template.json").read_text("utf-8"))
    return found


def test_it_needs_no_account_and_no_network(assembly: Path) -> None:
    if not without_network():
        reason = "unshare cannot make a network namespace here"
        if "CI" in os.environ:
            pytest.fail(reason)
        pytest.skip(reason)
    manifest = json.loads((assembly / "manifest.json").read_text("utf-8"))
    assert "missing" not in manifest  # nothing to look up
    assert manifest["artifacts"]["SepsisDetect"]["environment"] == (
        "aws://unknown-account/unknown-region"
    )
    assert len(template_of(assembly)["Resources"]) > 60


def test_every_finding_is_acknowledged(assembly: Path) -> None:
    """Of cdk-nag and of CDK's own rules; templates/test_templates.py shows that cdk-nag runs."""
    for folder in (assembly, assembly.with_name("checked")):
        report = json.loads((folder / "validation-report.json").read_text("utf-8"))
        assert report["pluginReports"] == []


def test_a_wrong_setting_is_reported_as_a_sentence_without_traceback(
    cdk: list[str], tmp_path: Path
) -> None:
    done = synth(cdk, tmp_path, "--context=instance_typ=t3.small")
    assert done.returncode != 0
    assert "cdk: There is no setting instance_typ; did you mean instance_type?" in done.stderr
    assert "Traceback" not in done.stderr
