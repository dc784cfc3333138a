"""Network access: security groups, routes, endpoints, listeners and the firewall."""

from typing import Any

from tests.infra.deployment.deployed import (
    Environment,
    balancer_of,
    group_of,
    template_of,
)
from tests.infra.local_aws import LocalAws

THE_WORLD = "0.0.0.0/0"


def security_groups(aws: LocalAws, environment: Environment) -> dict[str, dict[str, Any]]:
    ids = aws.resources(environment.stack, "AWS::EC2::SecurityGroup")
    found = aws.client("ec2").describe_security_groups(GroupIds=ids)["SecurityGroups"]
    return {each["GroupId"]: each for each in found}


def peers(rule: dict[str, Any]) -> list[str]:
    """Networks and security groups of a rule."""
    assert not rule["Ipv6Ranges"]
    assert not rule["PrefixListIds"]
    networks = [each["CidrIp"] for each in rule["IpRanges"]]
    return networks + [each["GroupId"] for each in rule["UserIdGroupPairs"]]


def open_to(rules: list[dict[str, Any]]) -> set[tuple[str, int, int, str]]:
    return {
        (rule["IpProtocol"], rule["FromPort"], rule["ToPort"], peer)
        for rule in rules
        for peer in peers(rule)
    }


def test_only_the_load_balancer_is_open_and_instances_accept_only_its_requests(
    aws: LocalAws, environment: Environment
) -> None:
    groups = security_groups(aws, environment)
    balancer = balancer_of(aws, environment)
    (front,) = balancer["SecurityGroups"]
    (instances,) = template_of(aws, environment)["SecurityGroupIds"]
    to_the_world = {
        (group_id, rule["IpProtocol"], rule["FromPort"], rule["ToPort"])
        for group_id, group in groups.items()
        for rule in group["IpPermissions"]
        if THE_WORLD in peers(rule)
    }
    if balancer["Scheme"] == "internet-facing":
        assert to_the_world == {(front, "tcp", 443, 443), (front, "tcp", 80, 80)}
    else:
        assert to_the_world == set()
    inwards = open_to(groups[instances]["IpPermissions"])
    assert inwards == {("tcp", 8080, 8080, front)}
    for group_id in groups.keys() - {front, instances}:  # the endpoints
        inwards = open_to(groups[group_id]["IpPermissions"])
        assert inwards == {("tcp", 443, 443, instances)}


def test_the_load_balancer_of_dev_is_open_to_private_networks_alone(
    aws: LocalAws, dev: Environment
) -> None:
    balancer = balancer_of(aws, dev)
    assert balancer["Scheme"] == "internal"
    (front,) = balancer["SecurityGroups"]
    private = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")
    inwards = open_to(security_groups(aws, dev)[front]["IpPermissions"])
    assert inwards == {("tcp", 80, 80, each) for each in private}


def test_instances_connect_out_by_https_alone_and_endpoints_not_at_all(
    aws: LocalAws, environment: Environment
) -> None:
    groups = security_groups(aws, environment)
    (front,) = balancer_of(aws, environment)["SecurityGroups"]
    (instances,) = template_of(aws, environment)["SecurityGroupIds"]
    outwards = open_to(groups[instances]["IpPermissionsEgress"])
    assert outwards == {("tcp", 443, 443, THE_WORLD)}
    for group_id in groups.keys() - {front, instances}:
        outwards = open_to(groups[group_id]["IpPermissionsEgress"])
        assert {each[-1] for each in outwards} == {"255.255.255.255/32"}  # CDK's way to allow none
    to_instances = [each for each in groups[front]["IpPermissionsEgress"] if "FromPort" in each]
    assert open_to(to_instances) == {("tcp", 8080, 8080, instances)}


def routes_of(aws: LocalAws, subnet: str) -> dict[str, str]:
    """Destinations in the route table of a subnet, by kind of gateway."""
    (table,) = aws.client("ec2").describe_route_tables(
        Filters=[{"Name": "association.subnet-id", "Values": [subnet]}]
    )["RouteTables"]
    routes = {}
    for route in table["Routes"]:
        gateway = route.get("NatGatewayId") or route["GatewayId"]
        target = route.get("DestinationCidrBlock") or "S3"
        routes[gateway.partition("-")[0]] = target
    return routes


def test_no_route_leads_from_the_internet_to_an_instance(
    aws: LocalAws, dev: Environment, prod: Environment
) -> None:
    """Private subnets have no internet gateway; those of prod have no NAT gateway either."""
    inside = {"local": "10.40.0.0/16", "vpce": "S3"}
    routes = {dev.stack: inside | {"nat": THE_WORLD}, prod.stack: inside}
    for environment in (dev, prod):
        for subnet in group_of(aws, environment)["VPCZoneIdentifier"].split(","):
            assert routes_of(aws, subnet) == routes[environment.stack]
    for zone in balancer_of(aws, prod)["AvailabilityZones"]:
        assert routes_of(aws, zone["SubnetId"]) == inside | {"igw": THE_WORLD}


def test_instances_without_internet_have_an_endpoint_for_every_service_they_call(
    aws: LocalAws, dev: Environment, prod: Environment
) -> None:
    def services(environment: Environment) -> set[str]:
        ids = aws.resources(environment.stack, "AWS::EC2::VPCEndpoint")
        found = aws.client("ec2").describe_vpc_endpoints(VpcEndpointIds=ids)["VpcEndpoints"]
        return {each["ServiceName"].partition("us-east-1.")[2] for each in found}

    called = {"ecr.api", "ecr.dkr", "logs", "secretsmanager", "ssm", "ssmmessages", "ec2messages"}
    assert services(prod) == called | {"s3"}
    assert services(dev) == {"s3"}


def listeners_of(aws: LocalAws, environment: Environment) -> dict[int, dict[str, Any]]:
    arn = balancer_of(aws, environment)["LoadBalancerArn"]
    found = aws.client("elbv2").describe_listeners(LoadBalancerArn=arn)["Listeners"]
    return {each["Port"]: each for each in found}


def test_production_is_served_with_tls_and_its_certificate_alone(
    aws: LocalAws, prod: Environment
) -> None:
    listeners = listeners_of(aws, prod)
    assert listeners.keys() == {80, 443}
    https = listeners[443]
    assert https["Protocol"] == "HTTPS"
    assert "TLS13" in https["SslPolicy"]
    (summary,) = aws.client("acm").list_certificates()["CertificateSummaryList"]
    assert https["Certificates"] == [{"CertificateArn": summary["CertificateArn"]}]
    (redirect,) = listeners[80]["DefaultActions"]
    assert redirect["RedirectConfig"]["Protocol"] == "HTTPS"
    assert prod.outputs["Url"] == "https://sepsis.example.org"


def test_a_part_of_productions_requests_goes_to_the_function(
    aws: LocalAws, prod: Environment
) -> None:
    (action,) = listeners_of(aws, prod)[443]["DefaultActions"]
    weights = {
        each["TargetGroupArn"]: each["Weight"] for each in action["ForwardConfig"]["TargetGroups"]
    }
    (instances,) = group_of(aws, prod)["TargetGroupARNs"]
    assert weights.pop(instances) == 95
    ((function, weight),) = weights.items()
    assert weight == 5
    (target,) = aws.client("elbv2").describe_target_groups(TargetGroupArns=[function])[
        "TargetGroups"
    ]
    assert target["TargetType"] == "lambda"
    health = aws.client("elbv2").describe_target_health(TargetGroupArn=function)
    (arn,) = [each["Target"]["Id"] for each in health["TargetHealthDescriptions"]]
    assert arn.rpartition(":")[2] in aws.resources(prod.stack, "AWS::Lambda::Function")


def test_the_firewall_protects_the_load_balancer_of_production(
    aws: LocalAws, dev: Environment, prod: Environment
) -> None:
    waf = aws.client("wafv2")

    def rules_of(environment: Environment) -> set[str]:
        arn = balancer_of(aws, environment)["LoadBalancerArn"]
        acl = waf.get_web_acl_for_resource(ResourceArn=arn).get("WebACL", {"Rules": []})
        return {each["Name"] for each in acl["Rules"]}

    assert {"Rate", "CommonRuleSet", "KnownBadInputsRuleSet"} <= rules_of(prod)
    assert rules_of(dev) == set()


def test_production_cannot_be_deleted_by_mistake(
    aws: LocalAws, dev: Environment, prod: Environment
) -> None:
    stacks = aws.client("cloudformation").describe_stacks()["Stacks"]
    protected = {each["StackName"]: each["EnableTerminationProtection"] for each in stacks}
    assert (protected[prod.stack], protected[dev.stack]) == (True, False)
    arn = balancer_of(aws, prod)["LoadBalancerArn"]
    found = aws.client("elbv2").describe_load_balancer_attributes(LoadBalancerArn=arn)
    attributes = {each["Key"]: each["Value"] for each in found["Attributes"]}
    assert attributes["deletion_protection.enabled"] == "true"
