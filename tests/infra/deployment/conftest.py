"""Fixtures: the local AWS and the two environments in it, deployed once for this folder."""

from collections.abc import Iterator

import pytest

from tests.infra.deployment.deployed import (
    Before,
    Deployment,
    Environment,
    bridge_address,
    instances_of,
)
from tests.infra.local_aws import LocalAws, local_aws

DEV = {
    "env": "dev",
    "model_poll_seconds": "1",
    "alarm_email": "ops@example.org",
    "audit_log": "true",
}
# Every option on.
PROD = {
    "env": "prod",
    "domain_name": "sepsis.example.org",
    "alarm_email": "ops@example.org",
    "availability_zones": "3",
    "min_instances": "3",
    "spot_percent": "50",
    "lambda_percent": "5",
    "cors_origins": "https://ward.example.org",
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A longer time-out: the first test includes the builds and deployments."""
    for item in items:
        if "tests/infra/deployment/" in item.nodeid:
            item.add_marker(pytest.mark.timeout(1200))


@pytest.fixture(scope="package")
def aws(image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """A local AWS that containers can reach too."""
    assert image
    with local_aws(tmp_path_factory.mktemp("aws"), bridge_address()) as running:
        yield running


@pytest.fixture(scope="package")
def deployment(
    cdk: list[str], aws: LocalAws, tmp_path_factory: pytest.TempPathFactory
) -> Deployment:
    """A bootstrapped account."""
    made = Deployment(cdk, aws, tmp_path_factory.mktemp("deployment"))
    made.bootstrap()
    return made


@pytest.fixture(scope="package")
def before(aws: LocalAws, deployment: Deployment) -> Before:
    """State of dev before its update."""
    dev = deployment.deploy(**DEV)
    return Before(instances=instances_of(aws, dev), made=aws.made(dev.stack))


@pytest.fixture(scope="package")
def dev(deployment: Deployment, before: Before) -> Environment:
    """dev, deployed and then updated to another instance type."""
    assert before
    return deployment.deploy(**DEV, instance_type="t3.medium")


@pytest.fixture(scope="package")
def prod(aws: LocalAws, deployment: Deployment, dev: Environment) -> Environment:
    """Prod with every option on, beside dev."""
    assert dev
    certificate = aws.client("acm").request_certificate(
        DomainName=PROD["domain_name"], ValidationMethod="DNS"
    )
    return deployment.deploy(**PROD, certificate_arn=certificate["CertificateArn"])


@pytest.fixture(params=["dev", "prod"])
def environment(request: pytest.FixtureRequest, dev: Environment, prod: Environment) -> Environment:
    """Dev and prod, one after the other."""
    return {"dev": dev, "prod": prod}[request.param]
