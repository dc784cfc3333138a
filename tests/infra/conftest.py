"""CDK's command line and templates of several environments, made once for all tests here."""

import json
import os
import shutil
from collections.abc import Callable
from typing import Any

import pytest

from infra import NODE
from tests.paths import ROOT

CLI = ROOT / "node_modules" / "aws-cdk" / "bin" / "cdk"

Template = dict[str, Any]
Synthesise = Callable[..., Template]


def cdk_context() -> dict[str, Any]:
    """What cdk.json says."""
    context: dict[str, Any] = json.loads((ROOT / "cdk.json").read_text("utf-8"))["context"]
    return context


@pytest.fixture(scope="session")
def cdk() -> list[str]:
    """The command line, as a command that needs no PATH."""
    if not CLI.exists():
        said = "CDK's command line is not here: `make cdk` sets it up"
        if "CI" in os.environ:
            pytest.fail(said)
        pytest.skip(said)
    return [str(NODE), str(CLI)]


@pytest.fixture(scope="session")
def synthesise(tmp_path_factory: pytest.TempPathFactory) -> Synthesise:
    """Templates by settings; cdk-nag has looked at each."""
    from aws_cdk import App

    from infra.app import build
    from infra.settings import read_settings

    made: dict[str, Template] = {}

    def synthesised(**settings: Any) -> Template:
        asked = json.dumps(settings, sort_keys=True)
        if asked not in made:
            folder = tmp_path_factory.mktemp("cdk")
            context = cdk_context() | settings
            app = App(outdir=str(folder), context=context)
            build(app, read_settings(context))
            app.synth()
            (file,) = folder.glob("*.template.json")
            made[asked] = json.loads(file.read_text("utf-8"))
            shutil.rmtree(folder)
        return made[asked]

    return synthesised
