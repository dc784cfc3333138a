"""The command `sepsis-detect model`: everything about one model, published or in a file."""

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sepsis_detect.errors import ModelArtifactError, ModelCheckError, SettingsError
from sepsis_detect.model_delivery.candidate import MAX_BYTES, too_large
from sepsis_detect.model_delivery.sandbox import CandidateSandbox, CheckedModel
from sepsis_detect.settings import read_settings

if TYPE_CHECKING:
    from sepsis_detect.model_delivery.registry import ModelRegistry
    from sepsis_detect.prediction.model import OperatingPoint

DEFAULT_HISTORY = 20  # versions
MAX_HISTORY = 1_000  # versions that rollback looks at
EXAMPLES = {
    "show": (
        "sepsis-detect model show",
        "SEPSIS_MODEL_URI=s3://bucket/model.onnx sepsis-detect model show",
    ),
    "verify": ("sepsis-detect model verify model.onnx",),
    "publish": ("sepsis-detect model publish model.onnx --to s3://bucket/model.onnx",),
    "history": (
        "sepsis-detect model history",
        "sepsis-detect model history --newest 5 --uri s3://bucket/model.onnx",
    ),
    "rollback": (
        "sepsis-detect model rollback",
        "sepsis-detect model rollback 2026.11.23.1 --uri s3://bucket/model.onnx",
    ),
    "set-threshold": (
        "sepsis-detect model set-threshold model.onnx --alerts-per-day 1 -o quieter.onnx",
        "sepsis-detect model set-threshold model.onnx --sensitivity 0.5 -o half.onnx",
        "sepsis-detect model set-threshold model.onnx --threshold 0.04 -o own.onnx",
    ),
    "promote": (
        "sepsis-detect model promote",
        "sepsis-detect model promote --from s3://bucket/shadow.onnx --to s3://bucket/model.onnx",
    ),
}
INTERPOLATED = ", interpolated"


def add_to(parser: argparse.ArgumentParser) -> None:
    """Add the sub-commands to the parser of `model`."""
    actions = parser.add_subparsers(required=True, metavar="ACTION")

    show = _action(actions, "show", "describe the model that would be served")
    show.set_defaults(run=_show)

    verify = _action(actions, "verify", "check a file as the fleet would")
    verify.add_argument("file", type=Path, metavar="FILE")
    verify.set_defaults(run=_verify)

    publish = _action(actions, "publish", "check a file, then make it what the fleet serves")
    publish.add_argument("file", type=Path, metavar="FILE")
    publish.set_defaults(run=_publish)

    history = _action(actions, "history", "list what was published")
    history.add_argument(
        "--newest", type=int, default=DEFAULT_HISTORY, metavar="N", help="how many (%(default)s)"
    )
    history.set_defaults(run=_history)

    rollback = _action(actions, "rollback", "make an earlier model current again")
    rollback.add_argument(
        "version",
        nargs="?",
        metavar="VERSION",
        help="version of the model, or S3 version id (the one before, if not given)",
    )
    rollback.set_defaults(run=_rollback)

    threshold = _action(actions, "set-threshold", "write a copy with another threshold")
    threshold.add_argument("file", type=Path, metavar="FILE")
    point = threshold.add_mutually_exclusive_group(required=True)
    point.add_argument("--threshold", metavar="P", help="the probability itself")
    point.add_argument(
        "--alerts-per-day", metavar="X", help="at most so many flagged hours per patient and day"
    )
    point.add_argument(
        "--sensitivity", metavar="S", help="at least this share of the septic hours flagged"
    )
    threshold.add_argument("-o", "--output", required=True, type=Path, metavar="FILE")
    threshold.set_defaults(run=_set_threshold)

    promote = _action(actions, "promote", "make the shadow model the served one")
    promote.set_defaults(run=_promote)
    promote.add_argument(
        "--from",
        dest="shadow_uri",
        metavar="URI",
        help="of the shadow model: s3://BUCKET/KEY or a path (SEPSIS_SHADOW_MODEL_URI)",
    )

    for remote in (publish, history, rollback, promote):
        remote.add_argument(
            "--uri",
            "--to",
            metavar="s3://BUCKET/KEY",
            help="where (SEPSIS_MODEL_URI, if not given)",
        )


def _action(actions: Any, name: str, what: str) -> argparse.ArgumentParser:
    """The parser of a sub-command; its help ends with examples."""
    lines = "\n".join(f"  {example}" for example in EXAMPLES[name])
    action: argparse.ArgumentParser = actions.add_parser(
        name,
        help=what,
        description=f"{what[0].upper()}{what[1:]}.",
        epilog=f"examples:\n{lines}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    return action


def _show(_: argparse.Namespace) -> int:
    from sepsis_detect.model_delivery.store import ModelStore

    models = ModelStore(read_settings())
    model = models.current
    metadata = model.metadata
    lines: dict[str, Any] = {
        "name": metadata.name,
        "version": metadata.version,
        "created": metadata.created_at.isoformat(timespec="seconds"),
        "source": model.source,
        "etag": model.etag,
        "version_id": model.version_id,
        "sha256": model.sha256,
        "fallback": models.fallback,
        "features": len(metadata.features),
        "threshold": metadata.threshold,
    }
    if metadata.site is not None:
        lines["site"] = metadata.site.name
    if metadata.parent is not None:
        lines["parent"] = f"{metadata.parent.name} {metadata.parent.version}"
        lines["parent_sha256"] = metadata.parent.sha256
    lines["metrics_threshold"] = metadata.metrics_threshold
    lines |= metadata.training | metadata.metrics | {"external": metadata.external}
    for name, value in lines.items():
        if value is not None:
            print(f"{name:<28}{value}")
    if metadata.operating_points is not None:
        print()
        print(*_table(metadata.operating_points), sep="\n")
    return 0


def _table(points: list["OperatingPoint"]) -> list[str]:
    """Operating points as lines of text, the served one first."""
    head = ("threshold", "sensitivity", "PPV", "alerts per patient-day", "in time", "utility")
    lines = ["  ".join(head)]
    for at, point in enumerate(points):
        ppv = "-" if point.ppv is None else f"{point.ppv:.3f}"
        cells = (
            f"{point.threshold:.5f}",
            f"{point.sensitivity:.3f}",
            ppv,
            f"{point.alerts_per_patient_day:.2f}",
            f"{point.in_time:.3f}",
            f"{point.utility:.3f}",
        )
        row = "  ".join(f"{cell:>{len(title)}}" for cell, title in zip(cells, head, strict=True))
        lines.append(f"{row}{'' if at else '  <- served'}{INTERPOLATED * point.is_interpolated}")
    return lines


def _verify(options: argparse.Namespace) -> int:
    content, checked = _checked(options.file)
    print(
        f"{options.file} is acceptable: {checked.name} {checked.version}, "
        f"{len(content) / 1e6:.1f} MB, {checked.row_ms:.2g} ms for an hour."
    )
    return 0


def _publish(options: argparse.Namespace) -> int:
    registry = _registry(options)
    content, checked = _checked(options.file)
    _make_current(registry, content, checked)
    return 0


def _set_threshold(options: argparse.Namespace) -> int:
    from sepsis_detect.model_delivery import operating_point as points
    from sepsis_detect.model_delivery.artifact_file import read_metadata, with_metadata
    from sepsis_detect.prediction.model import ModelMetadata

    wanted = points.wanted(options.threshold, options.alerts_per_day, options.sensitivity)
    artifact, _ = _checked(options.file)
    metadata = read_metadata(artifact)
    known = ModelMetadata.model_validate(metadata)
    try:
        changed, point = points.moved(metadata, known, wanted)
    except ModelArtifactError as error:
        raise ModelArtifactError(f"{options.file}: {error}") from error
    content = with_metadata(artifact, changed)
    CandidateSandbox().check(content)
    _write(content, options.output)
    print(
        f"{options.output}: {known.name} {changed['version']}, "
        f"threshold {changed['threshold']:.5g} instead of {known.threshold:.5g}."
    )
    print(_what_it_gives(point))
    return 0


def _what_it_gives(point: "OperatingPoint | None") -> str:
    if point is None:
        return "What it gives is not known: the model has no operating points."
    ppv = "unknown" if point.ppv is None else f"{100 * point.ppv:.1f} %"
    return (
        f"In patients that the model was not fitted on{INTERPOLATED * point.is_interpolated}: "
        f"{point.alerts_per_patient_day:.2f} flagged hours per patient and day, "
        f"{100 * point.sensitivity:.1f} % of the septic hours flagged, PPV {ppv}, "
        f"{100 * point.in_time:.1f} % of the septic patients alerted in time, "
        f"utility {point.utility:.3f}."
    )


def _write(content: bytes, path: Path) -> None:
    """Write the file atomically."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        partial.write_bytes(content)
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise ModelArtifactError(f"cannot write {path}: {error.strerror}") from error


def _history(options: argparse.Namespace) -> int:
    found = _registry(options).history(options.newest)
    print(f"{'uploaded (UTC)':<21}{'model':<24}{'version':<20}{'S3 version id':<34}")
    for each in found:
        name = "(deleted)" if each.is_deletion else each.name or "(uploaded by other means)"
        print(
            f"{each.modified_at:%Y-%m-%d %H:%M:%S}  {name:<23} {each.version or '-':<19} "
            f"{each.version_id or '-'}{'  <- current' if each.is_current else ''}"
        )
    return 0


def _rollback(options: argparse.Namespace) -> int:
    from sepsis_detect.model_delivery.registry import chosen, previous

    registry = _registry(options)
    history = registry.history(MAX_HISTORY)
    wanted = options.version
    found = chosen(history, wanted) if wanted else previous(history)
    if found is None or found.is_deletion:
        which = f"no version {wanted}" if wanted else "no other model before the present one"
        raise ModelArtifactError(f"{registry.uri} has {which}; see `sepsis-detect model history`")
    content = registry.read(found)
    try:
        checked = CandidateSandbox().check(content)
    except ModelArtifactError as error:
        raise ModelArtifactError(f"{found} would be refused: {error}") from error
    _make_current(registry, content, checked)
    return 0


def _promote(options: argparse.Namespace) -> int:
    uri = options.shadow_uri or read_settings().shadow_model_uri
    if uri is None:
        raise SettingsError("name the shadow model with --from or SEPSIS_SHADOW_MODEL_URI")
    registry = _registry(options)
    if uri == registry.uri:
        raise SettingsError(f"{uri} is the served model itself")
    if uri.startswith("s3://"):
        content, checked = _current_of(uri)
    else:
        content, checked = _checked(Path(uri))
    _make_current(registry, content, checked)
    return 0


def _current_of(uri: str) -> tuple[bytes, CheckedModel]:
    from sepsis_detect.model_delivery.registry import ModelRegistry

    registry = ModelRegistry(uri)
    current = registry.current()
    if current is None:
        raise ModelArtifactError(f"there is no model at {uri}")
    content = registry.read(current)
    try:
        return content, CandidateSandbox().check(content)
    except ModelArtifactError as error:
        raise ModelArtifactError(f"{current} at {uri} would be refused: {error}") from error


def _make_current(registry: "ModelRegistry", content: bytes, checked: CheckedModel) -> None:
    replaced = registry.current()
    if replaced is not None and registry.read(replaced) == content:
        print(
            f"{checked.name} {checked.version} is at {registry.uri} already; nothing was written."
        )
        return
    version_id = registry.put(content, checked, replacing=replaced)
    print(f"{checked.name} {checked.version} is at {registry.uri} now", end="")
    print(f", S3 version id {version_id}." if version_id else ".")
    print(f"It replaces {replaced}." if replaced else "It is the first, or the former was deleted.")
    if version_id is None:
        print("The bucket keeps no versions, so this cannot be rolled back: enable versioning.")
    elif replaced is not None and replaced.version_id is not None:
        print(
            f"To go back: sepsis-detect model rollback {replaced.version_id} --uri {registry.uri}"
        )
    print("The fleet serves it at its next poll; GET /health tells.")


def _registry(options: argparse.Namespace) -> "ModelRegistry":
    from sepsis_detect.model_delivery.registry import ModelRegistry  # imports botocore

    uri = options.uri or read_settings().model_uri
    if uri is None:
        raise SettingsError("name the model's place with --uri s3://bucket/key or SEPSIS_MODEL_URI")
    return ModelRegistry(uri)


def _checked(path: Path) -> tuple[bytes, CheckedModel]:
    try:
        size = path.stat().st_size
        content = path.read_bytes() if size <= MAX_BYTES else b""
    except OSError as error:
        raise ModelArtifactError(f"cannot read {path}: {error.strerror}") from error
    try:
        if size > MAX_BYTES:
            raise ModelArtifactError(too_large(size))
        return content, CandidateSandbox().check(content)
    except ModelArtifactError as error:
        raise ModelArtifactError(f"{path} would be refused: {error}") from error
    except ModelCheckError as error:
        raise ModelCheckError(f"{path} could not be checked: {error}") from error
