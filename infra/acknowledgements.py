"""Acknowledged findings of cdk-nag, each with its reason; any other finding fails the synthesis."""

from aws_cdk import Acknowledgment, Validations
from constructs import IConstruct


def acknowledge(construct: IConstruct, rule: str, reason: str) -> None:
    """Accept a finding of cdk-nag.

    Args:
        construct: The construct with the finding; its children are included.
        rule: The rule's id, with the finding in brackets where a rule has several:
            `AwsSolutions-S1`.
        reason: Why the finding is accepted, for an auditor.
    """
    Validations.of(construct).acknowledge(Acknowledgment(id=rule, reason=reason))
