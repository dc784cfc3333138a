"""The network: instances in private subnets behind a load balancer.

An instance accepts requests from the load balancer only, and its outbound traffic is HTTPS only.
There is no SSH: Session Manager opens a shell without an open port.
"""

from aws_cdk import RemovalPolicy
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.settings import Egress

HTTPS = ec2.Port.tcp(443)
# AWS services that an instance calls besides S3, whose gateway endpoint is free.
ENDPOINTS = {
    "EcrApi": ec2.InterfaceVpcEndpointAwsService.ECR,
    "EcrDocker": ec2.InterfaceVpcEndpointAwsService.ECR_DOCKER,
    "Logs": ec2.InterfaceVpcEndpointAwsService.CLOUDWATCH_LOGS,
    "SecretsManager": ec2.InterfaceVpcEndpointAwsService.SECRETS_MANAGER,
    "Ssm": ec2.InterfaceVpcEndpointAwsService.SSM,
    "SsmMessages": ec2.InterfaceVpcEndpointAwsService.SSM_MESSAGES,
    "Ec2Messages": ec2.InterfaceVpcEndpointAwsService.EC2_MESSAGES,
}


class Network(Construct):
    """A VPC over two or three availability zones.

    Attributes:
        vpc: The VPC of this environment.
        load_balancer_subnets: Public subnets if it is internet-facing, else private ones.
        instance_subnets: Private subnets.
        instances: Security group of the instances; the load balancer adds its ingress rule.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        cidr: str,
        zones: list[str],
        egress: Egress,
        internet_facing: bool,
        flow_log_retention: logs.RetentionDays | None,
    ) -> None:
        super().__init__(scope, construct_id)
        has_nat = egress is Egress.NAT
        private = ec2.SubnetType.PRIVATE_WITH_EGRESS if has_nat else ec2.SubnetType.PRIVATE_ISOLATED
        subnets = [
            ec2.SubnetConfiguration(name="Private", subnet_type=private, cidr_mask=20),
        ]
        if has_nat or internet_facing:
            subnets.append(
                ec2.SubnetConfiguration(
                    name="Public",
                    subnet_type=ec2.SubnetType.PUBLIC,
                    cidr_mask=24,
                    map_public_ip_on_launch=False,
                )
            )
        self.vpc = ec2.Vpc(
            self,
            "Vpc",
            ip_addresses=ec2.IpAddresses.cidr(cidr),
            availability_zones=zones,
            nat_gateways=int(has_nat),
            subnet_configuration=subnets,
            restrict_default_security_group=False,  # needs a Lambda function; the group is unused
            gateway_endpoints={
                "S3": ec2.GatewayVpcEndpointOptions(service=ec2.GatewayVpcEndpointAwsService.S3)
            },
        )
        self.instance_subnets = ec2.SubnetSelection(subnet_type=private)
        self.load_balancer_subnets = (
            ec2.SubnetSelection(subnet_type=ec2.SubnetType.PUBLIC)
            if internet_facing
            else self.instance_subnets
        )
        self.instances = ec2.SecurityGroup(
            self,
            "Instances",
            vpc=self.vpc,
            description="Instances: requests from the load balancer only",
            allow_all_outbound=False,
        )
        # Packages of Amazon Linux and image layers come from S3, which has no fixed addresses.
        self.instances.add_egress_rule(ec2.Peer.any_ipv4(), HTTPS, "AWS, and nothing in clear")
        if not has_nat:
            self._add_endpoints()
        if flow_log_retention is not None:
            self._add_flow_log(flow_log_retention)

    def _add_endpoints(self) -> None:
        group = ec2.SecurityGroup(
            self,
            "Endpoints",
            vpc=self.vpc,
            description="Interface endpoints: HTTPS from the instances only",
            allow_all_outbound=False,
        )
        group.add_ingress_rule(self.instances, HTTPS, "The instances")
        for name, service in ENDPOINTS.items():
            self.vpc.add_interface_endpoint(
                name,
                service=service,
                security_groups=[group],
                open=False,
                subnets=self.instance_subnets,
            )

    def _add_flow_log(self, retention: logs.RetentionDays) -> None:
        """Flow logs: addresses, ports and volumes of the VPC's connections, without content."""
        group = logs.LogGroup(
            self, "FlowLogs", retention=retention, removal_policy=RemovalPolicy.DESTROY
        )
        self.vpc.add_flow_log(
            "FlowLog", destination=ec2.FlowLogDestination.to_cloud_watch_logs(group)
        )
