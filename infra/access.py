"""Secrets: the keys that callers show, which people fill in, and the key of the audit log."""

from aws_cdk import CfnOutput, RemovalPolicy, SecretValue
from aws_cdk import aws_iam as iam
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra.findings import explain

# No key has this digest: until a line is added, the service runs and lets nobody in.
NOBODY = f"nobody:{'0' * 64}"


class Access(Construct):
    """A secret with lines `name:sha256hex`, one for each caller; keys themselves are nowhere.

    Attributes:
        secret: A deployment creates it and never again touches what it holds.
        audit_secret: With a key for the audit log, made by AWS; None: there is no such log.
    """

    def __init__(self, scope: Construct, construct_id: str, *, has_audit_log: bool) -> None:
        super().__init__(scope, construct_id)
        self.secret = secretsmanager.Secret(
            self,
            "Keys",
            description="Keys of callers of Sepsis Detect, as lines name:sha256hex",
            secret_string_value=SecretValue.unsafe_plain_text(NOBODY),
            removal_policy=RemovalPolicy.RETAIN,
        )
        explain(
            self.secret,
            "AwsSolutions-SMG4",
            "It holds digests of keys that belong to hospitals: a key is replaced with its "
            "holder, both are valid meanwhile (docs/operations.md)",
        )
        self.audit_secret = self._audit_secret() if has_audit_log else None
        CfnOutput(self, "KeysSecretArn", value=self.secret.secret_arn).override_logical_id(
            "KeysSecretArn"
        )

    def _audit_secret(self) -> secretsmanager.Secret:
        secret = secretsmanager.Secret(
            self,
            "AuditLog",
            description="Under which the audit log of Sepsis Detect keeps the HMAC of inputs",
            generate_secret_string=secretsmanager.SecretStringGenerator(
                password_length=64, exclude_punctuation=True
            ),
            removal_policy=RemovalPolicy.RETAIN,  # or no line could ever be checked again
        )
        explain(
            secret,
            "AwsSolutions-SMG4",
            "Lines of the log are checked with the key of their time: it changes on purpose only",
        )
        return secret

    def grant_read(self, grantee: iam.IGrantable) -> None:
        """Let `grantee` read the current keys, and nothing about the secrets."""
        secrets = [self.secret, *([self.audit_secret] if self.audit_secret else [])]
        grantee.grant_principal.add_to_principal_policy(
            iam.PolicyStatement(
                actions=["secretsmanager:GetSecretValue"],
                resources=[each.secret_arn for each in secrets],
            )
        )
