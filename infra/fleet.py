"""The EC2 instances: launch template, Auto Scaling group, and rolling replacement.

Instances are replaced by an instance refresh: new instances start first and must get healthy. An
alarm, or an instance that does not get healthy, stops the refresh, and CloudFormation rolls back.
"""

from pathlib import Path

from aws_cdk import Aws, CfnOutput, Duration
from aws_cdk import aws_autoscaling as autoscaling
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.acknowledgements import acknowledge
from infra.image import Image
from infra.load_balancer import DRAIN_SECONDS, LoadBalancer
from infra.network import Network
from infra.service_settings import MODEL_CACHE_DIR, as_flags
from infra.settings import EnvironmentSettings

BOOT = Path(__file__).with_name("boot.sh")
AMI = "/aws/service/ecs/optimized-ami/amazon-linux-2023/{}recommended/image_id"
DISK_GB = 30  # the minimum of AWS's machine image
BOOT_TIME = Duration.seconds(180)  # until the first healthy answer, with a margin
BAKE_TIME = Duration.minutes(5)
# Longer than the service takes at most to end (35 s of draining, 30 s for requests in flight), and
# that is longer than the 30 s of deregistration.
TERMINATION_TIME = Duration.seconds(90)


class Fleet(Construct):
    """An Auto Scaling group of instances that run one container each.

    Attributes:
        group: The group, over the private subnets of all zones.
        role: IAM role of the instances.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: EnvironmentSettings,
        network: Network,
        load_balancer: LoadBalancer,
        image: Image,
        environment: dict[str, str],
        audit_secret_arn: str,
        log_group: logs.ILogGroup,
        rollout_alarms: list[cloudwatch.Alarm],
    ) -> None:
        super().__init__(scope, construct_id)
        self._settings = settings
        self._instance_type = ec2.InstanceType(settings.instance_type)
        self.role = self._role(image, log_group)
        template = ec2.LaunchTemplate(
            self,
            "Template",
            machine_image=ec2.MachineImage.from_ssm_parameter(
                AMI.format("arm64/" if self._is_arm else ""), os=ec2.OperatingSystemType.LINUX
            ),
            instance_type=self._instance_type,
            role=self.role,
            security_group=network.instances,
            user_data=ec2.UserData.custom(
                _boot_script(image, environment, audit_secret_arn, log_group)
            ),
            require_imdsv2=True,
            http_put_response_hop_limit=1,  # the container shares the instance's network
            detailed_monitoring=True,
            ebs_optimized=True,
            block_devices=[
                ec2.BlockDevice(
                    device_name="/dev/xvda",
                    volume=ec2.BlockDeviceVolume.ebs(
                        DISK_GB, encrypted=True, volume_type=ec2.EbsDeviceVolumeType.GP3
                    ),
                )
            ],
        )
        has_spot = settings.spot_percent > 0
        self.group = autoscaling.AutoScalingGroup(
            self,
            "Group",
            vpc=network.vpc,
            vpc_subnets=network.instance_subnets,
            launch_template=None if has_spot else template,
            mixed_instances_policy=self._mixed(template) if has_spot else None,
            capacity_rebalance=has_spot,
            min_capacity=settings.min_instances,
            max_capacity=settings.max_instances,
            health_checks=autoscaling.HealthChecks.with_additional_checks(
                additional_types=[autoscaling.AdditionalHealthCheckType.ELB],
                grace_period=BOOT_TIME,
            ),
            default_instance_warmup=BOOT_TIME,
            max_instance_lifetime=Duration.days(settings.max_instance_lifetime_days),
            group_metrics=[autoscaling.GroupMetrics.all()],
            update_policy=autoscaling.UpdatePolicy.instance_refresh(
                strategy=autoscaling.InstanceRefreshStrategy.ROLLING,
                min_healthy_percentage=100,
                max_healthy_percentage=150,
                instance_warmup=BOOT_TIME,
                bake_time=BAKE_TIME,
                alarms=rollout_alarms,
                skip_matching=True,
            ),
        )
        self.group.add_lifecycle_hook(
            "Drain",
            lifecycle_transition=autoscaling.LifecycleTransition.INSTANCE_TERMINATING,
            heartbeat_timeout=TERMINATION_TIME,
            default_result=autoscaling.DefaultResult.CONTINUE,
        )
        self.group.attach_to_application_target_group(load_balancer.instances)
        # An instance that boots before the network exists would only retry.
        self.group.node.add_dependency(network, load_balancer.listener)
        self.group.scale_on_cpu_utilization(
            "Cpu", target_utilization_percent=settings.target_cpu_percent
        )
        self.group.scale_on_request_count(
            "Requests", target_requests_per_minute=settings.target_requests_per_minute
        )
        acknowledge(
            self.group,
            "AwsSolutions-AS3",
            "Instances are replaced every month and with load; alarms cover failures, "
            "a notification for each launch would only add noise",
        )
        if has_spot:
            acknowledge(
                self.group,
                "AwsSolutions-EC26",
                "The rule cannot read a launch template in a mixed policy; its disk is encrypted",
            )
        CfnOutput(self, "GroupName", value=self.group.auto_scaling_group_name).override_logical_id(
            "GroupName"
        )

    @property
    def _is_arm(self) -> bool:
        return self._instance_type.architecture is ec2.InstanceArchitecture.ARM_64

    def _role(self, image: Image, log_group: logs.ILogGroup) -> iam.Role:
        role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal("ec2.amazonaws.com"),
            description="Instances: pull the image, write the log, read model and keys",
            managed_policies=[
                iam.ManagedPolicy.from_aws_managed_policy_name("AmazonSSMManagedInstanceCore")
            ],
        )
        image.repository.grant_pull(role)
        role.add_to_policy(
            iam.PolicyStatement(
                actions=["logs:CreateLogStream", "logs:PutLogEvents"],
                resources=[log_group.log_group_arn],
            )
        )
        acknowledge(
            role,
            "AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/"
            "AmazonSSMManagedInstanceCore]",
            "AWS maintains the permissions of Session Manager, which replaces SSH",
        )
        acknowledge(
            role,
            "AwsSolutions-IAM5[Resource::*]",
            "ecr:GetAuthorizationToken has no resource-level permissions",
        )
        return role

    def _mixed(self, template: ec2.LaunchTemplate) -> autoscaling.MixedInstancesPolicy:
        return autoscaling.MixedInstancesPolicy(
            launch_template=template,
            instances_distribution=autoscaling.InstancesDistribution(
                on_demand_base_capacity=self._settings.min_instances,
                on_demand_percentage_above_base_capacity=100 - self._settings.spot_percent,
                spot_allocation_strategy=(
                    autoscaling.SpotAllocationStrategy.PRICE_CAPACITY_OPTIMIZED
                ),
            ),
        )


def _boot_script(
    image: Image, environment: dict[str, str], audit_secret_arn: str, log_group: logs.ILogGroup
) -> str:
    script = BOOT.read_text("utf-8")
    container_environment = environment | {
        "SEPSIS_MODEL_CACHE_DIR": MODEL_CACHE_DIR,
        "SEPSIS_DRAIN_SECONDS": str(DRAIN_SECONDS),
        "AWS_DEFAULT_REGION": Aws.REGION,
    }
    for name, value in (
        ("IMAGE", image.uri),
        ("REGISTRY", image.registry),
        ("REGION", Aws.REGION),
        ("LOG_GROUP", log_group.log_group_name),
        ("AUDIT_SECRET", audit_secret_arn),
        ("ENVIRONMENT", as_flags(container_environment)),
    ):
        script = script.replace(f"@{name}@", value)
    return script
