"""The CloudWatch dashboard: availability, latency, predictions, model and input drift."""

from aws_cdk import Aws, CfnOutput, Duration
from aws_cdk import aws_autoscaling as autoscaling
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_elasticloadbalancingv2 as elb
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.load_balancer import LoadBalancer
from infra.log_metrics import LogMetrics

HALF, WHOLE = 12, 24
MINUTE = Duration.minutes(1)


class Dashboard(Construct):
    """The dashboard of one environment."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        alarms: list[cloudwatch.Alarm],
        load_balancer: LoadBalancer,
        group: autoscaling.AutoScalingGroup,
        log_metrics: LogMetrics,
        log_group: logs.ILogGroup,
        has_shadow: bool,
    ) -> None:
        super().__init__(scope, construct_id)
        balancer, instances = load_balancer.balancer.metrics, load_balancer.instances.metrics
        elb_code, target_code = elb.HttpCodeElb, elb.HttpCodeTarget
        cpu = cloudwatch.Metric(
            namespace="AWS/EC2",
            metric_name="CPUUtilization",
            dimensions_map={"AutoScalingGroupName": group.auto_scaling_group_name},
            statistic="Average",
            period=MINUTE,
        )

        def responses(status: elb.HttpCodeTarget) -> cloudwatch.Metric:
            return balancer.http_code_target(status, period=MINUTE)

        def response_time(statistic: str) -> cloudwatch.Metric:
            return balancer.target_response_time(
                period=MINUTE, statistic=statistic, label=statistic
            )

        def logged(metric: str, statistic: str, minutes: int) -> cloudwatch.Metric:
            return log_metrics.metric(metric, statistic, minutes)

        rows: list[list[cloudwatch.IWidget]] = [
            [cloudwatch.AlarmStatusWidget(title="Alarms", alarms=list(alarms), width=WHOLE)],
            [
                _graph(
                    "Requests a minute, by answer",
                    balancer.request_count(period=MINUTE),
                    responses(target_code.TARGET_2XX_COUNT),
                    responses(target_code.TARGET_4XX_COUNT),
                    responses(target_code.TARGET_5XX_COUNT),
                    balancer.http_code_elb(elb_code.ELB_5XX_COUNT, period=MINUTE),
                ),
                _graph(
                    "Seconds to answer", *(response_time(each) for each in ("p50", "p90", "p99"))
                ),
            ],
            [
                _graph(
                    "Instances",
                    instances.healthy_host_count(period=MINUTE, statistic="Minimum"),
                    instances.unhealthy_host_count(period=MINUTE, statistic="Maximum"),
                ),
                _graph("Processor, per cent", cpu),
            ],
            [
                _graph(
                    "Predictions, and those that were positive",
                    logged("Predictions", "Sum", 5),
                    logged("PositivePredictions", "Sum", 5),
                ),
                _graph(
                    "Requests refused: incoherent, without a key",
                    logged("Refusals", "Sum", 5),
                    logged("Unauthorized", "Sum", 5),
                ),
            ],
            [
                _graph(
                    "Model: age in days, refused uploads",
                    logged("ModelAge", "Maximum", 60),
                    logged("ModelRefused", "Sum", 60),
                ),
                _graph("Inputs against training", logged("LargestDrift", "Maximum", 60)),
            ],
            [
                cloudwatch.LogQueryWidget(
                    title="Service log, without the minutely metrics and the audit log",
                    log_group_names=[log_group.log_group_name],
                    query_lines=[
                        "fields @timestamp, level, event, reason, status, model_version",
                        "filter ispresent(event) and event not like /^(metrics|audit)/",
                        "sort @timestamp desc",
                        "limit 50",
                    ],
                    width=WHOLE,
                )
            ],
        ]
        if has_shadow:
            rows.insert(-1, _shadow_row(log_metrics))
        cloudwatch.Dashboard(
            self, "Dashboard", dashboard_name=name, widgets=rows, default_interval=Duration.hours(3)
        )
        CfnOutput(
            self,
            "DashboardUrl",
            value=f"https://{Aws.REGION}.console.aws.amazon.com/cloudwatch/home"
            f"?region={Aws.REGION}#dashboards/dashboard/{name}",
        ).override_logical_id("DashboardUrl")


def _shadow_row(log_metrics: LogMetrics) -> list[cloudwatch.IWidget]:
    """The shadow model beside the served one."""

    def shares(*names: str) -> list[cloudwatch.Metric]:
        return [log_metrics.metric(name, "Average", 5) for name in names]

    return [
        _graph(
            "Shadow model: positive share of both, share of disagreements",
            *shares("ServedPositiveShare", "ShadowPositiveShare", "ShadowDisagreement"),
        ),
        _graph(
            "Shadow model: probability less the served one's; patients scored and not",
            *shares("ShadowMeanDifference"),
            log_metrics.metric("ShadowLargestDifference", "Maximum", 5),
            right=[
                log_metrics.metric(name, "Sum", 5)
                for name in ("ShadowPredictions", "ShadowUnscored")
            ],
            minimum=None,  # the mean difference may be negative
        ),
    ]


def _graph(
    title: str,
    *metrics: cloudwatch.IMetric,
    right: list[cloudwatch.IMetric] | None = None,
    minimum: float | None = 0,
) -> cloudwatch.GraphWidget:
    return cloudwatch.GraphWidget(
        title=title,
        left=list(metrics),
        right=right,
        width=HALF,
        left_y_axis=cloudwatch.YAxisProps(min=minimum, show_units=False),
    )
