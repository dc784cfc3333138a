"""moto's IAM enforcement, brought nearer to AWS's."""

from typing import Any

from moto.iam.access_control import IAMPolicyStatement, PermissionResult

ABOUT_TLS = ("aws:SecureTransport", "s3:TlsVersion")


def patch_permissions() -> None:
    """Patch moto's IAM."""
    _ignore_tls_conditions()
    _resolve_secret_arns()


def _ignore_tls_conditions() -> None:
    """Skip statements that deny requests without TLS: this server uses plain HTTP."""
    original = IAMPolicyStatement.is_action_permitted

    def judged(self: Any, *args: Any, **kwargs: Any) -> PermissionResult:
        statement = self._statement
        keys = {key for test in statement.get("Condition", {}).values() for key in test}
        if statement["Effect"] == "Deny" and keys and keys <= set(ABOUT_TLS):
            return PermissionResult.NEUTRAL
        return original(self, *args, **kwargs)

    IAMPolicyStatement.is_action_permitted = judged  # type: ignore[method-assign]  # of moto


def _resolve_secret_arns() -> None:
    """Authorise a call by the ARN of its secret, where moto uses `*`."""
    from moto.secretsmanager.responses import SecretsManagerResponse

    def resource(self: Any) -> str:
        secret = self.backend.secrets.get(self._get_param("SecretId") or "")
        return secret.arn if secret else "*"

    SecretsManagerResponse._determine_resource = resource  # type: ignore[attr-defined]  # of moto
