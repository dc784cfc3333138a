"""The stack of one environment: network, fleet, load balancer, model bucket, monitoring."""

from typing import Any

from aws_cdk import CfnOutput, Fn, RemovalPolicy, Stack, Tags
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.access import Access
from infra.alarms import Alarms
from infra.dashboard import Dashboard
from infra.firewall import Firewall
from infra.fleet import Fleet
from infra.function import Function
from infra.image import Image
from infra.load_balancer import LoadBalancer
from infra.log_bucket import LogBucket
from infra.log_metrics import LogMetrics
from infra.model_bucket import ModelBucket
from infra.model_watch import ModelWatch
from infra.network import Network
from infra.service_settings import service_environment
from infra.settings import LOG_RETENTION, EnvironmentSettings


class SepsisDetect(Stack):
    """All resources of one environment, for any account and region."""

    def __init__(
        self, scope: Construct, construct_id: str, *, settings: EnvironmentSettings, **kwargs: Any
    ) -> None:
        super().__init__(scope, construct_id, **kwargs)
        retention = logs.RetentionDays[LOG_RETENTION[settings.log_retention_days]]
        architecture = ec2.InstanceType(settings.instance_type).architecture

        encryption_key = kms.Key(
            self,
            "EncryptionKey",
            description="Models and notifications of Sepsis Detect",
            enable_key_rotation=True,
            removal_policy=RemovalPolicy.RETAIN,  # so is the bucket that it encrypts
        )
        log_group = logs.LogGroup(
            self, "Log", retention=retention, removal_policy=RemovalPolicy.RETAIN
        )
        log_bucket = LogBucket(self, "LogBucket", kept_days=settings.log_retention_days).bucket
        model_bucket = ModelBucket(
            self,
            "ModelBucket",
            model_key=settings.model_key,
            shadow_model_key=settings.shadow_model_key,
            encryption_key=encryption_key,
            log_bucket=log_bucket,
        )
        access = Access(self, "Access", has_audit_log=settings.audit_log)
        image = Image(
            self,
            "Image",
            digest=settings.image,
            repository_name=settings.stack_name,
            architecture=architecture,
        )
        network = Network(
            self,
            "Network",
            cidr=settings.cidr,
            zones=[Fn.select(i, Fn.get_azs()) for i in range(settings.availability_zones)],
            egress=settings.egress,
            internet_facing=settings.internet_facing,
            flow_log_retention=retention if settings.flow_logs else None,
        )
        environment = service_environment(
            settings,
            model_uri=model_bucket.uri,
            shadow_uri=model_bucket.shadow_uri,
            keys_secret_arn=access.secret.secret_arn,
        )
        function = (
            Function(
                self,
                "Function",
                image=image,
                architecture=architecture,
                environment=environment,
                log_group=log_group,
            )
            if settings.lambda_percent
            else None
        )
        load_balancer = LoadBalancer(
            self,
            "LoadBalancer",
            network=network,
            internet_facing=settings.internet_facing,
            callers=settings.callers,
            certificate_arn=settings.certificate_arn,
            domain_name=settings.domain_name,
            function=None if function is None else function.target_group,
            function_percent=settings.lambda_percent,
            log_bucket=log_bucket,
            is_protected=settings.is_protected,
        )
        if settings.waf:
            Firewall(
                self,
                "Firewall",
                balancer=load_balancer.balancer,
                requests_per_5_minutes=settings.waf_requests_per_5_minutes,
            )
        has_shadow = settings.shadow_model_key is not None
        log_metrics = LogMetrics(
            self, "LogMetrics", log_group=log_group, env=settings.env, has_shadow=has_shadow
        )
        model_watch = ModelWatch(
            self,
            "ModelWatch",
            model_bucket=model_bucket,
            model_key=settings.model_key,
            log_metrics=log_metrics,
            log_group=log_group,
        )
        alarms = Alarms(
            self,
            "Alarms",
            settings=settings,
            load_balancer=load_balancer,
            model_bucket=model_bucket,
            log_metrics=log_metrics,
            model_age=model_watch.age,
            encryption_key=encryption_key,
        )
        fleet = Fleet(
            self,
            "Fleet",
            settings=settings,
            network=network,
            load_balancer=load_balancer,
            image=image,
            environment=environment,
            audit_secret_arn=access.audit_secret.secret_arn if access.audit_secret else "",
            log_group=log_group,
            rollout_alarms=alarms.rollout,
        )
        readers = [fleet.role] if function is None else [fleet.role, function.role]
        for role in readers:
            model_bucket.grant_read(role)
            access.grant_read(role)
        Dashboard(
            self,
            "Dashboard",
            name=settings.stack_name,
            alarms=alarms.all,
            load_balancer=load_balancer,
            group=fleet.group,
            log_metrics=log_metrics,
            log_group=log_group,
            has_shadow=has_shadow,
        )
        for name, value in {
            "LogGroupName": log_group.log_group_name,
            "ImageRepositoryUri": image.own_repository.repository_uri,
        }.items():
            CfnOutput(self, name, value=value)
        Tags.of(self).add("project", "sepsis-detect")
        Tags.of(self).add("environment", settings.env)
