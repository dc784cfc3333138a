"""Metric filters: CloudWatch metrics from the service's log, for one environment.

The service's own metrics (namespace SepsisDetect) are shared by all environments of an account;
alarms need the metrics of one. The service defines the events and fields: docs/model-swap.md.
"""

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_logs as logs
from constructs import Construct

# Metric: the events it counts.
EVENTS = {
    "ModelRefused": ("model_refused",),
    "ModelUnreachable": ("model_unreachable", "model_fallback", "model_poll_failed"),
    "KeysUnreadable": ("keys_unreadable", "keys_wrong"),
    "Failures": ("failed", "metrics_failed", "keys_refresh_failed"),
}
# The same, where there is a shadow model.
SHADOW_EVENTS = {
    "ShadowRefused": ("shadow_refused",),
    "ShadowFailed": (
        "shadow_failed",
        "shadow_unreachable",
        "shadow_fallback",
        "shadow_poll_failed",
    ),
}
# Metrics whose value is the field of that name in the event `metrics`, logged every minute.
VALUES = ("Predictions", "PositivePredictions", "Refusals", "Unauthorized", "LargestDrift")
SHADOW_VALUES = (
    "ShadowPredictions",
    "ShadowUnscored",
    "ServedPositiveShare",
    "ShadowPositiveShare",
    "ShadowDisagreement",
    "ShadowMeanDifference",
    "ShadowLargestDifference",
)


class LogMetrics(Construct):
    """Metric filters on the log group.

    Attributes:
        namespace: `SepsisDetect/<env>`.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        log_group: logs.ILogGroup,
        env: str,
        has_shadow: bool,
    ) -> None:
        super().__init__(scope, construct_id)
        self.namespace = f"SepsisDetect/{env}"
        for name, events in (EVENTS | (SHADOW_EVENTS if has_shadow else {})).items():
            pattern = " || ".join(f'($.event = "{event}")' for event in events)
            self._filter(name, log_group, f"{{ {pattern} }}", "1")
        for name in VALUES + (SHADOW_VALUES if has_shadow else ()):
            pattern = f'{{ ($.event = "metrics") && ($.{name} = *) }}'
            self._filter(name, log_group, pattern, f"$.{name}")

    def metric(self, name: str, statistic: str, minutes: int) -> cloudwatch.Metric:
        """The metric `name`, aggregated over periods of `minutes`."""
        return cloudwatch.Metric(
            namespace=self.namespace,
            metric_name=name,
            statistic=statistic,
            period=Duration.minutes(minutes),
        )

    def _filter(self, name: str, log_group: logs.ILogGroup, pattern: str, value: str) -> None:
        logs.MetricFilter(
            self,
            name,
            log_group=log_group,
            filter_pattern=logs.FilterPattern.literal(pattern),
            metric_namespace=self.namespace,
            metric_name=name,
            metric_value=value,
        )
