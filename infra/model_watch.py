"""The metric ModelAge: an hourly Lambda function reads it from S3, which has no such metric."""

from pathlib import Path

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.acknowledgements import acknowledge
from infra.log_metrics import LogMetrics
from infra.model_bucket import ModelBucket

CODE = Path(__file__).with_name("model_age.py")


class ModelWatch(Construct):
    """The Lambda function, its permissions and its schedule.

    Attributes:
        age: Days since the last upload; missing when the function fails.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        model_bucket: ModelBucket,
        model_key: str,
        log_metrics: LogMetrics,
        log_group: logs.ILogGroup,
    ) -> None:
        super().__init__(scope, construct_id)
        namespace = log_metrics.namespace
        role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
            description="Reads when the model was uploaded, tells CloudWatch",
        )
        role.add_to_policy(
            iam.PolicyStatement(
                actions=["logs:CreateLogStream", "logs:PutLogEvents"],
                resources=[log_group.log_group_arn],
            )
        )
        role.add_to_policy(
            iam.PolicyStatement(
                actions=["cloudwatch:PutMetricData"],
                resources=["*"],
                conditions={"StringEquals": {"cloudwatch:namespace": namespace}},
            )
        )
        acknowledge(
            role,
            "AwsSolutions-IAM5[Resource::*]",
            "cloudwatch:PutMetricData has no resource-level permissions; a condition limits the "
            "namespace",
        )
        model_bucket.grant_read_served(role)
        function = lambda_.Function(
            self,
            "Function",
            runtime=lambda_.Runtime.PYTHON_3_14,
            handler="index.handler",
            code=lambda_.Code.from_inline(CODE.read_text("utf-8")),
            role=role,
            timeout=Duration.seconds(30),
            log_group=log_group,
            environment={
                "BUCKET": model_bucket.bucket.bucket_name,
                "KEY": model_key,
                "NAMESPACE": namespace,
            },
        )
        events.Rule(
            self,
            "EveryHour",
            schedule=events.Schedule.rate(Duration.hours(1)),
            targets=[targets.LambdaFunction(function)],
        )
        self.age: cloudwatch.Metric = log_metrics.metric("ModelAge", "Maximum", 6 * 60)
