"""Alarms and the on-call topic; docs/operations.md has a section on each alarm."""

from enum import StrEnum

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
# Longer than a boot: an instance counts as unhealthy until its first answer.
UNHEALTHY_MINUTES = 6
# Shorter drift is often one patient, of whom many hours are asked.
DRIFT_HOURS = 3


class Severity(StrEnum):
    """How soon someone looks at an alarm; docs/operations.md says what wards do meanwhile."""

    URGENT = "Urgent"  # at any hour: wards get no answers
    TODAY = "Today"  # answers are given, and may be late, old or based on wrong data
    THIS_WEEK = "This week"  # no answer is affected


SEVERITIES = {
    "ServerErrors": Severity.URGENT,
    "NoHealthyInstances": Severity.URGENT,
    "NoTraffic": Severity.URGENT,
    "UnhealthyInstances": Severity.TODAY,
    "SlowAnswers": Severity.TODAY,
    "KeysUnreadable": Severity.TODAY,
    "ServiceFailures": Severity.TODAY,
    "InputDrift": Severity.TODAY,
    "ModelUnreachable": Severity.TODAY,
    "ModelRefused": Severity.TODAY,
    "ShadowRefused": Severity.THIS_WEEK,
    "ShadowFailed": Severity.THIS_WEEK,
    "ModelAge": Severity.THIS_WEEK,
}


class Alarms(Construct):
    """The on-call topic, and alarms that notify it when they start and when they end.

    Attributes:
        topic: Encrypted; `alarm_email` is subscribed.
        all: Every alarm.
        rollout: Alarms that stop an instance refresh and roll it back.
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
        if settings.max_input_drift:
            self._add_input_drift()
        self._add_model_age(model_age)
        self._notify_of_uploads(model_bucket)
        CfnOutput(self, "AlarmTopic", value=self.topic.topic_arn).override_logical_id("AlarmTopic")

    def _topic(self, encryption_key: kms.Key) -> sns.Topic:
        topic = sns.Topic(
            self,
            "Topic",
            display_name=f"Sepsis Detect {self._settings.env}",
            master_key=encryption_key,
            enforce_ssl=True,
        )
        # This policy replaces the default one, under which CloudWatch could publish.
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
            "Requests end with 5xx: the service failed, or no instance is healthy",
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
            "An instance is not healthy",
            instances.unhealthy_host_count(period=minute, statistic="Maximum"),
            threshold=1,
            periods=(UNHEALTHY_MINUTES, UNHEALTHY_MINUTES),
        )
        self._alarm(
            "NoHealthyInstances",
            "No instance is healthy",
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
                "No request arrived: check the interfaces of the hospitals",
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
        alarms = [
            ("ModelRefused", "ModelRefused", "An uploaded model was refused; the former one stays"),
            ("ModelUnreachable", "ModelUnreachable", "The model cannot be read from its bucket"),
            (
                "KeysUnreadable",
                "KeysUnreadable",
                "The secret of API keys cannot be read, or has a malformed line",
            ),
            ("ServiceFailures", "Failures", "The service logged an internal error"),
        ]
        if self._settings.shadow_model_key is not None:
            alarms += [
                ("ShadowRefused", "ShadowRefused", "An uploaded shadow model was refused"),
                (
                    "ShadowFailed",
                    "ShadowFailed",
                    "The shadow model cannot be read, or does not score; answers are unchanged",
                ),
            ]
        for name, metric, description in alarms:
            self._alarm(
                name,
                description,
                self._log_metrics.metric(metric, "Sum", 5),
                threshold=1,
                periods=(1, 1),
            )

    def _add_input_drift(self) -> None:
        self._alarm(
            "InputDrift",
            "An input differs from the training data as if it were lost or had another unit; "
            "the field drifted_most of the event metrics names it",
            self._log_metrics.metric("LargestDrift", "Minimum", 60),
            threshold=self._settings.max_input_drift,
            periods=(DRIFT_HOURS, DRIFT_HOURS),
        )

    def _add_model_age(self, metric: cloudwatch.Metric) -> None:
        self._alarm(
            "ModelAge",
            f"The served model is older than {self._settings.model_max_age_days} days, "
            "or no model was uploaded yet",
            metric,
            threshold=self._settings.model_max_age_days,
            periods=(1, 1),
            missing=cloudwatch.TreatMissingData.BREACHING,
        )

    def _notify_of_uploads(self, model_bucket: ModelBucket) -> None:
        """Notify the topic of every upload and deletion of a model; this is no alarm."""
        keys = [self._settings.model_key, self._settings.shadow_model_key]
        rule = events.Rule(
            self,
            "ModelUploaded",
            event_pattern=events.EventPattern(
                source=["aws.s3"],
                detail_type=["Object Created", "Object Deleted"],
                detail={
                    "bucket": {"name": [model_bucket.bucket.bucket_name]},
                    "object": {"key": [key for key in keys if key]},
                },
            ),
        )
        version = events.EventField.from_path("$.detail.object.version-id")
        kind = events.EventField.from_path("$.detail-type")
        key = events.EventField.from_path("$.detail.object.key")
        text = f"Sepsis Detect {self._settings.env}: {key}, {kind}, S3 version id {version}"
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
        """An alarm that notifies the topic.

        Args:
            name: Name of the alarm, in `SEVERITIES`, and of its section in docs/operations.md.
            description: A sentence for the person on call.
            metric: The metric it evaluates.
            threshold: The alarm is on from this value, or below it where `is_too_low`.
            periods: M of N: breaching periods, evaluated periods.
            is_too_low: Whether low values breach.
            missing: How missing data are treated.
        """
        n_breaching, n_periods = periods
        operators = cloudwatch.ComparisonOperator
        alarm = cloudwatch.Alarm(
            self,
            name,
            alarm_name=f"{self._settings.stack_name}-{name}",
            alarm_description=f"{SEVERITIES[name]}: {description}",
            metric=metric,
            threshold=threshold,
            datapoints_to_alarm=n_breaching,
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
