"""The image as a Lambda function behind the same load balancer, for a share of the requests."""

from aws_cdk import Duration
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_elasticloadbalancingv2 as elb
from aws_cdk import aws_elasticloadbalancingv2_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.image import Image

MEMORY_MB = 1_769  # one full vCPU
TIMEOUT = Duration.seconds(30)
MAX_CONCURRENCY = 50


class Function(Construct):
    """The Lambda function and its target group.

    Attributes:
        role: IAM role of the function.
        target_group: The target that the load balancer forwards to.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        image: Image,
        architecture: ec2.InstanceArchitecture,
        environment: dict[str, str],
        log_group: logs.ILogGroup,
    ) -> None:
        super().__init__(scope, construct_id)
        self.role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
            description="Function: write the log, read model and keys",
        )
        self.role.add_to_policy(
            iam.PolicyStatement(
                actions=["logs:CreateLogStream", "logs:PutLogEvents"],
                resources=[log_group.log_group_arn],
            )
        )
        function = lambda_.DockerImageFunction(
            self,
            "Function",
            code=lambda_.DockerImageCode.from_ecr(image.repository, tag_or_digest=image.reference),
            architecture=(
                lambda_.Architecture.ARM_64
                if architecture is ec2.InstanceArchitecture.ARM_64
                else lambda_.Architecture.X86_64
            ),
            role=self.role,
            memory_size=MEMORY_MB,
            timeout=TIMEOUT,
            reserved_concurrent_executions=MAX_CONCURRENCY,
            environment=environment,
            log_group=log_group,
        )
        self.target_group = elb.ApplicationTargetGroup(
            self,
            "Target",
            target_type=elb.TargetType.LAMBDA,
            targets=[targets.LambdaTarget(function)],
            multi_value_headers_enabled=True,  # keeps repeated query parameters
        )
