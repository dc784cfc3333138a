"""What wakes somebody, and the topic that does. docs/operations.md says what to do about each."""

from aws_cdk import Aws, CfnOutput, Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_elasticloadbalancingv2 as elb
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from infra.load_balancer import LoadBalancer
from infra.log_metrics import LogMetrics
from infra.model_bucket import ModelBucket
from infra.settings import EnvironmentSettings

SERVER_ERRORS_A_MINUTE = 5
SLOW_SECONDS = 1.0
# Longer than a boot: an instance counts as unhealthy until it answers for the first time.
UNHEALTHY_MINUTES = 6


class Alarms(Construct):
    """A topic, and alarms that tell it when they begin and when they end.

    Attributes:
        topic: Encrypted; `alarm_email` is subscribed.
        all: Every alarm.
        rollout: Those that end a roll-out and send it back.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: EnvironmentSettings,
        load_balancer: LoadBalancer,
        model_bucket: ModelBucket,
        log_metrics: LogMetrics,
        model_age: cloudwatch.Metric,
        encryption_key: kms.Key,
    ) -> None:
        super().__init__(scope, construct_id)
        self._settings = settings
        self._log_metrics = log_metrics
        self.all: list[cloudwatch.Alarm] = []
        self.topic = self._topic(encryption_key)
        self.rollout = self._add_traffic_alarms(load_balancer)
        self._add_log_alarms()
        self._add_model_age(model_age)
        self._tell_of_uploads(model_bucket)
        CfnOutput(self, "AlarmTopic", value=self.topic.topic_arn).override_logical_id("AlarmTopic")

    def _topic(self, encryption_key: kms.Key) -> sns.Topic:
        topic = sns.Topic(
            self,
            "Topic",
            display_name=f"Sepsis Detect {self._settings.env}",
            master_key=encryption_key,
            enforce_ssl=True,
        )
        # A policy replaces the default one, which let CloudWatch publish.
        senders = [
            iam.ServicePrincipal("cloudwatch.amazonaws.com"),
            iam.ServicePrincipal("events.amazonaws.com"),
        ]
        topic.add_to_resource_policy(
            iam.PolicyStatement(
                sid="AlarmsPublish",
                principals=[senders[0]],
                actions=["sns:Publish"],
                resources=[topic.topic_arn],
                conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}},
            )
        )
        encryption_key.add_to_resource_policy(
            iam.PolicyStatement(
                sid="SendersUseTheTopic",
                principals=senders,
                actions=["kms:Decrypt", "kms:GenerateDataKey*"],
                resources=["*"],  # in a key's policy: this key
            )
        )
        if self._settings.alarm_email:
            topic.add_subscription(subscriptions.EmailSubscription(self._settings.alarm_email))
        return topic

    def _add_traffic_alarms(self, load_balancer: LoadBalancer) -> list[cloudwatch.Alarm]:
        minute = Duration.minutes(1)
        balancer, instances = load_balancer.balancer.metrics, load_balancer.instances.metrics
        server_errors = self._alarm(
            "ServerErrors",
            "Requests end with 5xx: the service, or nobody to answer",
            cloudwatch.MathExpression(
                expression="FILL(balancer, 0) + FILL(service, 0)",
                label="5xx",
                period=minute,
                using_metrics={
                    "balancer": balancer.http_code_elb(
                        elb.HttpCodeElb.ELB_5XX_COUNT, period=minute
                    ),
                    "service": balancer.http_code_target(
                        elb.HttpCodeTarget.TARGET_5XX_COUNT, period=minute
                    ),
                },
            ),
            threshold=SERVER_ERRORS_A_MINUTE,
            periods=(2, 3),
        )
        unhealthy = self._alarm(
            "UnhealthyInstances",
            "An instance does not get healthy, or no longer is",
            instances.unhealthy_host_count(period=minute, statistic="Maximum"),
            threshold=1,
            periods=(UNHEALTHY_MINUTES, UNHEALTHY_MINUTES),
        )
        self._alarm(
            "NoHealthyInstances",
            "Nobody answers",
            instances.healthy_host_count(period=minute, statistic="Minimum"),
            threshold=1,
            periods=(2, 2),
            is_too_low=True,
            missing=cloudwatch.TreatMissingData.BREACHING,
        )
        self._alarm(
            "SlowAnswers",
            f"One request in a hundred takes longer than {SLOW_SECONDS:g} s",
            balancer.target_response_time(period=minute, statistic="p99"),
            threshold=SLOW_SECONDS,
            periods=(3, 5),
        )
        if self._settings.no_traffic_hours:
            self._alarm(
                "NoTraffic",
                "No request came: is somebody's interface down?",
                balancer.request_count(
                    period=Duration.hours(self._settings.no_traffic_hours), statistic="Sum"
                ),
                threshold=1,
                periods=(1, 1),
                is_too_low=True,
                missing=cloudwatch.TreatMissingData.BREACHING,
            )
        return [server_errors, unhealthy]

    def _add_log_alarms(self) -> None:
        for name, metric, description in (
            ("ModelRefused", "ModelRefused", "An uploaded model was refused; the former serves on"),
            ("ModelUnreachable", "ModelUnreachable", "The model cannot be read from its bucket"),
            (
                "KeysUnreadable",
                "KeysUnreadable",
                "The keys of callers cannot be read, or a line is",
            ),
            ("ServiceFailures", "Failures", "The service failed at something that is its own"),
        ):
            self._alarm(
                name,
                description,
                self._log_metrics.metric(metric, "Sum", 5),
                threshold=1,
                periods=(1, 1),
            )

    def _add_model_age(self, metric: cloudwatch.Metric) -> None:
        self._alarm(
            "ModelAge",
            f"The served model is older than {self._settings.model_max_age_days} days, "
            "or none was uploaded yet",
            metric,
            threshold=self._settings.model_max_age_days,
            periods=(1, 1),
            missing=cloudwatch.TreatMissingData.BREACHING,
        )

    def _tell_of_uploads(self, model_bucket: ModelBucket) -> None:
        """Not an alarm: whoever watches should know that the model changes."""
        rule = events.Rule(
            self,
            "ModelUploaded",
            event_pattern=events.EventPattern(
                source=["aws.s3"],
                detail_type=["Object Created", "Object Deleted"],
                detail={
                    "bucket": {"name": [model_bucket.bucket.bucket_name]},
                    "object": {"key": [self._settings.model_key]},
                },
            ),
        )
        version = events.EventField.from_path("$.detail.object.version-id")
        kind = events.EventField.from_path("$.detail-type")
        text = f"Sepsis Detect {self._settings.env}: the model, {kind}, S3 version id {version}"
        rule.add_target(
            targets.SnsTopic(self.topic, message=events.RuleTargetInput.from_text(text))
        )

    def _alarm(
        self,
        name: str,
        description: str,
        metric: cloudwatch.IMetric,
        *,
        threshold: float,
        periods: tuple[int, int],
        is_too_low: bool = False,
        missing: cloudwatch.TreatMissingData = cloudwatch.TreatMissingData.NOT_BREACHING,
    ) -> cloudwatch.Alarm:
        """An alarm that tells the topic.

        Args:
            name: Also that of its section in docs/operations.md.
            description: A sentence for whoever is woken.
            metric: What is looked at.
            threshold: From here on; below it where `is_too_low`.
            periods: So many of so many.
            is_too_low: Whether little is bad.
            missing: What no data means.
        """
        n_bad, n_periods = periods
        operators = cloudwatch.ComparisonOperator
        alarm = cloudwatch.Alarm(
            self,
            name,
            alarm_name=f"{self._settings.stack_name}-{name}",
            alarm_description=description,
            metric=metric,
            threshold=threshold,
            datapoints_to_alarm=n_bad,
            evaluation_periods=n_periods,
            comparison_operator=(
                operators.LESS_THAN_THRESHOLD
                if is_too_low
                else operators.GREATER_THAN_OR_EQUAL_TO_THRESHOLD
            ),
            treat_missing_data=missing,
        )
        alarm.add_alarm_action(actions.SnsAction(self.topic))
        alarm.add_ok_action(actions.SnsAction(self.topic))
        self.all.append(alarm)
        return alarm
