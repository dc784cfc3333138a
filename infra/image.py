"""Content-addressed image, no moving tag: what the instances and the function run.

Without a digest, CDK builds the image from this directory at deployment and tags it with the digest
of its sources, in a repository with immutable tags. With a digest, it is an image that was pushed
to the environment's own repository, for example by a pipeline.
"""

import subprocess
from pathlib import Path

from aws_cdk import Aws, Duration, RemovalPolicy
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_ecr_assets as ecr_assets
from aws_cdk import aws_iam as iam
from constructs import Construct

from sepsis_detect import __version__

ROOT = Path(__file__).resolve().parents[1]
MAX_IMAGES = 30


def _revision() -> str:
    try:
        done = subprocess.run(
            ["git", "rev-parse", "HEAD"],  # noqa: S607 - git of the path
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.strip()


class Image(Construct):
    """One image for one architecture.

    Attributes:
        uri: The argument of `docker pull`.
        registry: The host of `uri`, for which the credential helper has a password.
        repository: The repository with the image of this deployment.
        own_repository: The repository for images that a pipeline pushes.
        reference: Tag or digest, as Lambda expects it.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        digest: str | None,
        repository_name: str,
        architecture: ec2.InstanceArchitecture,
    ) -> None:
        super().__init__(scope, construct_id)
        self.own_repository = ecr.Repository(
            self,
            "Repository",
            repository_name=repository_name,
            image_scan_on_push=True,
            image_tag_mutability=ecr.TagMutability.IMMUTABLE,
            lifecycle_rules=[
                ecr.LifecycleRule(max_image_count=MAX_IMAGES, rule_priority=2),
                ecr.LifecycleRule(
                    tag_status=ecr.TagStatus.UNTAGGED,
                    max_image_age=Duration.days(30),
                    rule_priority=1,
                ),
            ],
            empty_on_delete=True,  # an image can be built again
            removal_policy=RemovalPolicy.DESTROY,
        )
        self.own_repository.add_to_resource_policy(
            iam.PolicyStatement(
                sid="LambdaPullsItsImage",
                principals=[iam.ServicePrincipal("lambda.amazonaws.com")],
                actions=["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
                conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}},
            )
        )
        self.repository: ecr.IRepository
        if digest is None:
            asset = ecr_assets.DockerImageAsset(
                self,
                "Asset",
                directory=str(ROOT),
                network_mode=ecr_assets.NetworkMode.HOST,
                platform=(
                    ecr_assets.Platform.LINUX_ARM64
                    if architecture is ec2.InstanceArchitecture.ARM_64
                    else ecr_assets.Platform.LINUX_AMD64
                ),
                build_args={"VERSION": __version__, "REVISION": _revision()},
                # A commit that does not change the image must not replace the fleet.
                invalidation=ecr_assets.DockerImageAssetInvalidationOptions(build_args=False),
            )
            self.repository = asset.repository
            self.uri = asset.image_uri
            self.reference = asset.image_tag
        else:
            self.repository = self.own_repository
            self.uri = self.own_repository.repository_uri_for_digest(digest)
            self.reference = digest
        self.registry = f"{Aws.ACCOUNT_ID}.dkr.ecr.{Aws.REGION}.{Aws.URL_SUFFIX}"
