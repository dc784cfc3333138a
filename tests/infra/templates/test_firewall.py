"""The firewall: what only counts, and the answer to what is blocked."""

import json
import re
from typing import Any

import pytest

from tests.contract.asking import check_problems
from tests.infra.conftest import Template
from tests.infra.templates.reading import attributes, only

READ_BY_NOBODY = ("_BODY", "_COOKIE", "_Cookie_HEADER")
"""Ends of the names of rules about bodies, which are data alone, and cookies, never read."""
MAX_BODY_BYTES = 4096  # of a response, in WAF
MAX_HEADERS = 100  # of the custom responses of a web ACL, in WAF


def rules_of(template: Template) -> dict[str, Any]:
    return {each["Name"]: each for each in only(template, "WAFv2::WebACL")["Rules"]}


def overrides_of(template: Template) -> dict[str, Any]:
    """Actions of the rules inside managed groups, by name."""
    groups = [
        each["Statement"]["ManagedRuleGroupStatement"]
        for each in rules_of(template).values()
        if "ManagedRuleGroupStatement" in each["Statement"]
    ]
    assert len(groups) == 3
    listed = [override for group in groups for override in group["RuleActionOverrides"]]
    found = {each["Name"]: each["ActionToUse"] for each in listed}
    assert len(found) == len(listed)
    return found


def blocks_of(template: Template) -> list[Any]:
    own = [each["Action"] for each in rules_of(template).values() if "Action" in each]
    actions = [*own, *overrides_of(template).values()]
    return [action["Block"] for action in actions if "Block" in action]


@pytest.mark.parametrize(
    "rule",
    [
        pytest.param("CrossSiteScripting_BODY", id="an XHTML narrative"),
        pytest.param("GenericLFI_BODY", id="../ in a reference"),
        pytest.param("GenericRFI_BODY", id="an address with an IP"),
        pytest.param("EC2MetaDataSSRF_BODY", id="localhost"),
        pytest.param("SizeRestrictions_BODY", id="a batch above 8 kB"),
        pytest.param("Log4JRCE_BODY", id="${ in a text"),
        pytest.param("NoUserAgent_HEADER", id="no User-Agent"),
        pytest.param("SizeRestrictions_Cookie_HEADER", id="large cookies of a sign-on"),
    ],
)
def test_what_hospitals_send_is_counted_and_not_blocked(prod: Template, rule: str) -> None:
    assert overrides_of(prod)[rule] == {"Count": {}}


def test_no_rule_about_bodies_or_cookies_blocks_and_all_about_the_rest_do(prod: Template) -> None:
    for name, action in overrides_of(prod).items():
        if name.endswith(READ_BY_NOBODY):
            assert action == {"Count": {}}, name
        elif name not in ("NoUserAgent_HEADER", "AWSManagedIPDDoSList"):
            assert list(action) == ["Block"], name


def test_every_block_answers_in_the_form_of_the_service_in_both_languages(prod: Template) -> None:
    bodies = only(prod, "WAFv2::WebACL")["CustomResponseBodies"]
    blocks = blocks_of(prod)
    assert len(blocks) > 20
    for block in blocks:
        response = block["CustomResponse"]
        body = bodies[response["CustomResponseBodyKey"]]
        assert body["ContentType"] == "APPLICATION_JSON"
        assert body["Content"].isascii()
        assert len(body["Content"]) <= MAX_BODY_BYTES
        check_problems(json.loads(body["Content"]))
        headers = {each["Name"]: each["Value"] for each in response["ResponseHeaders"]}
        assert re.fullmatch(r"[A-Za-z0-9._-]+", headers["X-Request-ID"])
        assert headers["Cache-Control"] == "no-store"
    assert sum(len(each["CustomResponse"]["ResponseHeaders"]) for each in blocks) <= MAX_HEADERS


def test_too_many_requests_of_one_address_are_429_with_a_time_to_wait(prod: Template) -> None:
    rate = rules_of(prod)["Rate"]
    assert rate["Statement"]["RateBasedStatement"]["AggregateKeyType"] == "IP"
    response = rate["Action"]["Block"]["CustomResponse"]
    assert response["ResponseCode"] == 429
    assert {"Name": "Retry-After", "Value": "60"} in response["ResponseHeaders"]


def test_requests_are_not_sampled(prod: Template) -> None:
    for each in rules_of(prod).values():
        assert not each["VisibilityConfig"]["SampledRequestsEnabled"]


def test_the_load_balancer_refuses_dangerous_requests_but_no_unusual_ones(prod: Template) -> None:
    balancer = only(prod, "ElasticLoadBalancingV2::LoadBalancer")
    found = attributes(balancer, "LoadBalancerAttributes")
    assert found["routing.http.desync_mitigation_mode"] == "defensive"
