"""The application load balancer: TLS, allowed callers, health checks."""

from aws_cdk import CfnOutput, Duration
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_elasticloadbalancingv2 as elb
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.acknowledgements import acknowledge
from infra.log_bucket import LOAD_BALANCER_PREFIX
from infra.network import Network
from infra.settings import THE_WORLD

SERVICE_PORT = 8080
HEALTH_INTERVAL = Duration.seconds(10)
UNHEALTHY_CHECKS = 3
# For instances that stop without being deregistered: longer than the checks above take to find 503.
DRAIN_SECONDS = 35
DEREGISTRATION_DELAY = Duration.seconds(30)  # shorter than the service takes at most to end
IDLE_TIMEOUT = Duration.seconds(60)  # shorter than the service's keep-alive (75 s); avoids 502


class LoadBalancer(Construct):
    """An ALB, the target group of the instances and the listeners.

    Attributes:
        balancer: The load balancer, internet-facing or internal.
        instances: The target group; an instance is healthy when `GET /health` is 200.
        listener: The listener on port 443, or on 80 without a certificate.
        url: The base URL for callers.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        network: Network,
        internet_facing: bool,
        callers: tuple[str, ...],
        certificate_arn: str | None,
        domain_name: str | None,
        function: elb.IApplicationTargetGroup | None,
        function_percent: int,
        log_bucket: s3.IBucket,
        is_protected: bool,
    ) -> None:
        super().__init__(scope, construct_id)
        group = ec2.SecurityGroup(
            self,
            "Callers",
            vpc=network.vpc,
            description="Load balancer: HTTPS from callers, requests to instances",
            allow_all_outbound=False,
        )
        self.balancer = elb.ApplicationLoadBalancer(
            self,
            "Balancer",
            vpc=network.vpc,
            vpc_subnets=network.load_balancer_subnets,
            internet_facing=internet_facing,
            security_group=group,
            drop_invalid_header_fields=True,
            # `strictest` refuses what proxies send without harm: an empty header, a GET with
            # Content-Length: 0.
            desync_mitigation_mode=elb.DesyncMitigationMode.DEFENSIVE,
            idle_timeout=IDLE_TIMEOUT,
            deletion_protection=is_protected,
        )
        # `log_access_logs()` needs a known region; this stack is region-agnostic.
        for name, value in (
            ("enabled", "true"),
            ("bucket", log_bucket.bucket_name),
            ("prefix", LOAD_BALANCER_PREFIX),
        ):
            self.balancer.set_attribute(f"access_logs.s3.{name}", value)
        if log_bucket.policy is not None:
            self.balancer.node.add_dependency(log_bucket.policy)
        self.instances = elb.ApplicationTargetGroup(
            self,
            "Instances",
            vpc=network.vpc,
            port=SERVICE_PORT,
            protocol=elb.ApplicationProtocol.HTTP,
            target_type=elb.TargetType.INSTANCE,
            deregistration_delay=DEREGISTRATION_DELAY,
            # Anomaly mitigation: an instance that fails more often gets fewer requests.
            load_balancing_algorithm_type=elb.TargetGroupLoadBalancingAlgorithmType.WEIGHTED_RANDOM,
            enable_anomaly_mitigation=True,
            health_check=elb.HealthCheck(
                path="/health",
                interval=HEALTH_INTERVAL,
                timeout=Duration.seconds(5),
                healthy_threshold_count=2,
                unhealthy_threshold_count=UNHEALTHY_CHECKS,
                healthy_http_codes="200",
            ),
        )
        group.add_egress_rule(
            network.instances, ec2.Port.tcp(SERVICE_PORT), "Requests and health checks"
        )
        network.instances.add_ingress_rule(
            group, ec2.Port.tcp(SERVICE_PORT), "Requests and health checks"
        )
        weighted = elb.WeightedTargetGroup
        forward = (
            elb.ListenerAction.forward([self.instances])
            if function is None
            else elb.ListenerAction.weighted_forward(
                [
                    weighted(target_group=self.instances, weight=100 - function_percent),
                    weighted(target_group=function, weight=function_percent),
                ]
            )
        )
        self.listener = self._add_listeners(certificate_arn, forward)
        ports = (443, 80) if certificate_arn else (80,)
        for cidr in callers:
            for port in ports:
                group.add_ingress_rule(ec2.Peer.ipv4(cidr), ec2.Port.tcp(port), "Callers")
        if set(THE_WORLD) & set(callers):
            acknowledge(
                group,
                "AwsSolutions-EC23",
                "An internet-facing load balancer serves every caller with a key; "
                "allowed_cidrs restricts it",
            )
        host = domain_name or self.balancer.load_balancer_dns_name
        self.url = f"{'https' if certificate_arn else 'http'}://{host}"
        CfnOutput(self, "Url", value=self.url).override_logical_id("Url")
        CfnOutput(
            self, "LoadBalancerName", value=self.balancer.load_balancer_dns_name
        ).override_logical_id("LoadBalancerName")

    def _add_listeners(
        self, certificate_arn: str | None, forward: elb.ListenerAction
    ) -> elb.ApplicationListener:
        if certificate_arn is None:
            return self.balancer.add_listener(
                "Http",
                port=80,
                protocol=elb.ApplicationProtocol.HTTP,
                open=False,
                default_action=forward,
            )
        self.balancer.add_listener(
            "Http",
            port=80,
            protocol=elb.ApplicationProtocol.HTTP,
            open=False,
            default_action=elb.ListenerAction.redirect(
                protocol="HTTPS", port="443", permanent=True
            ),
        )
        return self.balancer.add_listener(
            "Https",
            port=443,
            protocol=elb.ApplicationProtocol.HTTPS,
            certificates=[elb.ListenerCertificate.from_arn(certificate_arn)],
            ssl_policy=elb.SslPolicy.TLS13_RES,
            open=False,
            default_action=forward,
        )
