"""Findings of cdk-nag that stay, each with the reason; any other ends the synthesis."""

from aws_cdk import Acknowledgment, Validations
from constructs import IConstruct


def explain(construct: IConstruct, rule: str, reason: str) -> None:
    """Let `construct` keep a finding.

    Args:
        construct: And what is inside it.
        rule: Its id, with the finding in brackets where a rule has several: `AwsSolutions-S1`.
        reason: For an auditor.
    """
    Validations.of(construct).acknowledge(Acknowledgment(id=rule, reason=reason))
