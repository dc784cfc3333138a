"""The CDK app: one stack for the environment that the context names."""

import sys

from aws_cdk import App, Validations
from cdk_nag import AwsSolutionsChecks

from infra.settings import EnvironmentSettings, InfraSettingsError, read_settings
from infra.stack import SepsisDetect


def build(app: App, settings: EnvironmentSettings) -> SepsisDetect:
    """The stack, checked by cdk-nag: an unacknowledged finding fails the synthesis."""
    stack = SepsisDetect(
        app,
        "SepsisDetect",
        settings=settings,
        stack_name=settings.stack_name,
        description="Sepsis Detect: early warning of sepsis. Research software, not a medical "
        "device.",
        termination_protection=settings.is_protected,
    )
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    return stack


def main() -> None:
    """Synthesise, or exit with a sentence about the wrong setting."""
    app = App()
    try:
        settings = read_settings(app.node.get_all_context())
    except InfraSettingsError as error:
        sys.exit(f"cdk: {error}")
    build(app, settings)
    app.synth()


if __name__ == "__main__":
    main()
