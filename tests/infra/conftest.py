"""Fixtures: CDK's command line, and templates by settings, each synthesised once a session."""

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
    """The context of cdk.json."""
    context: dict[str, Any] = json.loads((ROOT / "cdk.json").read_text("utf-8"))["context"]
    return context


@pytest.fixture(scope="session")
def cdk() -> list[str]:
    """The CDK command line by absolute path."""
    if not CLI.exists():
        reason = "CDK's command line is not installed: `make cdk` sets it up"
        if "CI" in os.environ:
            pytest.fail(reason)
        pytest.skip(reason)
    return [str(NODE), str(CLI)]


@pytest.fixture(scope="session")
def synthesise(tmp_path_factory: pytest.TempPathFactory) -> Synthesise:
    """A function from settings to their template, checked by cdk-nag."""
    from aws_cdk import App

    from infra.app import build
    from infra.settings import read_settings

    templates: dict[str, Template] = {}

    def synthesised(**settings: Any) -> Template:
        key = json.dumps(settings, sort_keys=True)
        if key not in templates:
            folder = tmp_path_factory.mktemp("cdk")
            context = cdk_context() | settings
            app = App(outdir=str(folder), context=context)
            build(app, read_settings(context))
            app.synth()
            (file,) = folder.glob("*.template.json")
            templates[key] = json.loads(file.read_text("utf-8"))
            shutil.rmtree(folder)
        return templates[key]

    return synthesised
