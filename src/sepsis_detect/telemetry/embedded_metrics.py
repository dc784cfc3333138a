"""CloudWatch metrics inside a log line: the embedded metric format.

CloudWatch Logs extracts them, so that the service needs neither an agent nor a permission.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

NAMESPACE = "SepsisDetect"
MAX_VALUES = 100  # of one metric in one line
UNITS = {
    "Latency": "Milliseconds",
    **dict.fromkeys(
        (
            "MissingShare",
            "LargestDrift",
            "ServedPositiveShare",
            "ShadowPositiveShare",
            "ShadowDisagreement",
            "ShadowMeanDifference",
            "ShadowLargestDifference",
        ),
        "None",
    ),
}


@dataclass(frozen=True, slots=True)
class EmbeddedMetrics:
    """Metrics of one log line.

    Attributes:
        values: One value, or up to `MAX_VALUES` of them, by name of the metric.
        dimensions: CloudWatch dimensions; never anything about a patient.
    """

    values: Mapping[str, float | list[float]]
    dimensions: Mapping[str, str] = field(default_factory=dict)

    def as_fields(self, created_seconds: float) -> dict[str, Any]:
        """Fields of the log line, with the directive that declares them (`_aws`)."""
        directive = {
            "Namespace": NAMESPACE,
            "Dimensions": [list(self.dimensions)],
            "Metrics": [{"Name": name, "Unit": UNITS.get(name, "Count")} for name in self.values],
        }
        metadata = {"Timestamp": int(created_seconds * 1000), "CloudWatchMetrics": [directive]}
        return {**self.dimensions, **self.values, "_aws": metadata}
