"""Lambda function that reports the age of the served model to CloudWatch, every hour.

When S3 cannot be read it fails; the metric is then missing, and its alarm treats that as breaching.
"""

import os
from datetime import UTC, datetime
from typing import Any

import boto3

SECONDS_A_DAY = 86_400


def handler(_event: Any, _context: Any) -> float:
    """Put the metric ModelAge, in days since the last upload."""
    head = boto3.client("s3").head_object(Bucket=os.environ["BUCKET"], Key=os.environ["KEY"])
    age = datetime.now(UTC) - head["LastModified"]
    days = age.total_seconds() / SECONDS_A_DAY
    boto3.client("cloudwatch").put_metric_data(
        Namespace=os.environ["NAMESPACE"],
        MetricData=[{"MetricName": "ModelAge", "Value": days, "Unit": "None"}],
    )
    return days
