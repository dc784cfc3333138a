"""The bucket whose uploads swap the served model and the shadow model."""

from aws_cdk import Aws, CfnOutput, Duration, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

KEPT_VERSIONS = 20
NONCURRENT_DAYS = 365


class ModelBucket(Construct):
    """A bucket for the served and the shadow model, with versions; roles read or publish them.

    Attributes:
        bucket: Versioned, encrypted, private, TLS-only; kept when the stack is deleted.
        uri: Value of SEPSIS_MODEL_URI.
        shadow_uri: Value of SEPSIS_SHADOW_MODEL_URI; None without a shadow.
        uploader: The role that may publish and roll back models.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        model_key: str,
        shadow_model_key: str | None,
        encryption_key: kms.IKey,
        log_bucket: s3.IBucket,
    ) -> None:
        super().__init__(scope, construct_id)
        self.bucket = s3.Bucket(
            self,
            "Bucket",
            versioned=True,
            encryption=s3.BucketEncryption.KMS,
            encryption_key=encryption_key,
            bucket_key_enabled=True,  # one KMS request for many polls
            enforce_ssl=True,
            minimum_tls_version=1.2,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            server_access_logs_bucket=log_bucket,
            server_access_logs_prefix="model-bucket/",
            lifecycle_rules=[
                s3.LifecycleRule(
                    id="Tidy",
                    abort_incomplete_multipart_upload_after=Duration.days(1),
                    noncurrent_version_expiration=Duration.days(NONCURRENT_DAYS),
                    noncurrent_versions_to_retain=KEPT_VERSIONS,
                )
            ],
            removal_policy=RemovalPolicy.RETAIN,
        )
        # `event_bridge_enabled` would add a Lambda-backed custom resource.
        resource = self.bucket.node.default_child
        assert isinstance(resource, s3.CfnBucket)  # noqa: S101 - for the type
        resource.add_property_override(
            "NotificationConfiguration.EventBridgeConfiguration.EventBridgeEnabled", True
        )
        self.uri = f"s3://{self.bucket.bucket_name}/{model_key}"
        self.shadow_uri = shadow_model_key and f"s3://{self.bucket.bucket_name}/{shadow_model_key}"
        self._model_arn = self.bucket.arn_for_objects(model_key)
        self._object_arns = [
            self.bucket.arn_for_objects(key) for key in (model_key, shadow_model_key) if key
        ]
        self._encryption_key = encryption_key

        self.uploader = iam.Role(
            self,
            "Uploader",
            assumed_by=iam.AccountPrincipal(Aws.ACCOUNT_ID),
            description="Publishes models and goes back to earlier ones",
        )
        self._grant_publish(self.uploader)
        stack_outputs = {
            "ModelBucketName": self.bucket.bucket_name,
            "ModelKey": model_key,
            "ModelUploaderRole": self.uploader.role_arn,
            "ModelUploadCommand": f"sepsis-detect model publish model.onnx --to {self.uri}",
        }
        for name, value in stack_outputs.items():
            CfnOutput(self, name, value=value).override_logical_id(name)

    def grant_read(self, grantee: iam.IGrantable) -> None:
        """Allow `grantee` to read the models; `bucket.grant_read()` also allows listing."""
        self._allow(grantee, ["s3:GetObject"], *self._object_arns)
        self._allow(grantee, ["kms:Decrypt"], self._encryption_key.key_arn)

    def grant_read_served(self, grantee: iam.IGrantable) -> None:
        """Allow `grantee` to read the served model alone."""
        self._allow(grantee, ["s3:GetObject"], self._model_arn)
        self._allow(grantee, ["kms:Decrypt"], self._encryption_key.key_arn)

    def _grant_publish(self, grantee: iam.IGrantable) -> None:
        self._allow(
            grantee, ["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"], *self._object_arns
        )
        self._allow(grantee, ["s3:ListBucketVersions"], self.bucket.bucket_arn)
        self._allow(grantee, ["kms:Decrypt", "kms:GenerateDataKey"], self._encryption_key.key_arn)

    def _allow(self, grantee: iam.IGrantable, actions: list[str], *resources: str) -> None:
        grantee.grant_principal.add_to_principal_policy(
            iam.PolicyStatement(actions=actions, resources=list(resources))
        )
