"""Who may do what: moto's IAM, where it is asked, brought nearer to AWS's."""

from typing import Any

from moto.iam.access_control import IAMPolicyStatement, PermissionResult

ABOUT_TLS = ("aws:SecureTransport", "s3:TlsVersion")


def mend_permissions() -> None:
    """Mend moto's IAM."""
    _overlook_tls()
    _name_secrets()


def _overlook_tls() -> None:
    """What is denied without TLS is not denied here: this server speaks plain HTTP."""
    original = IAMPolicyStatement.is_action_permitted

    def judged(self: Any, *args: Any, **kwargs: Any) -> PermissionResult:
        statement = self._statement
        keys = {key for test in statement.get("Condition", {}).values() for key in test}
        if statement["Effect"] == "Deny" and keys and keys <= set(ABOUT_TLS):
            return PermissionResult.NEUTRAL
        return original(self, *args, **kwargs)

    IAMPolicyStatement.is_action_permitted = judged  # type: ignore[method-assign]


def _name_secrets() -> None:
    """A question about a secret is judged by its ARN; for moto it is about all of them."""
    from moto.secretsmanager.responses import SecretsManagerResponse

    def resource(self: Any) -> str:
        secret = self.backend.secrets.get(self._get_param("SecretId") or "")
        return secret.arn if secret else "*"

    SecretsManagerResponse._determine_resource = resource  # type: ignore[attr-defined]
