"""AWS WAF in front of the load balancer: a rate limit for each address, and AWS's managed rules.

What is blocked gets an answer in the form of the service's own errors. Its `X-Request-ID` is a
constant, as WAF can neither make an id nor return the caller's: it says who answered. Requests are
neither sampled nor logged, because they carry patients' data.
"""

import json
from typing import Any

from aws_cdk import aws_elasticloadbalancingv2 as elb
from aws_cdk import aws_wafv2 as wafv2
from constructs import Construct

from infra.managed_rules import GROUPS, ManagedRules
from sepsis_detect.problems import Problem

REQUEST_ID = "firewall"
REFUSED, TOO_MANY = "refused", "too-many"  # keys of the response bodies
RETRY_SECONDS = 60
PROBLEMS = {
    REFUSED: Problem(
        type="access",
        rule="firewall.refused",
        loc=("request",),
        msg="The firewall refused this request: its address, path, query or headers look like an "
        "attack. The service has not read it.",
        msg_fr="Le pare-feu a refusé cette requête : son adresse, son chemin, ses paramètres ou "
        "ses en-têtes ressemblent à une attaque. Le service ne l'a pas lue.",
        hint="Tell the operator of the service the time and your address.",
        hint_fr="Indiquez l'heure et votre adresse à l'exploitant du service.",
    ),
    TOO_MANY: Problem(
        type="load",
        rule="firewall.too_many",
        loc=("request",),
        msg="Too many requests came from this address within five minutes: wait a minute.",
        msg_fr="Trop de requêtes sont venues de cette adresse en cinq minutes : attendez une "
        "minute.",
    ),
}


class Firewall(Construct):
    """A web ACL on the load balancer.

    Attributes:
        name: Name of its metrics.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        balancer: elb.ApplicationLoadBalancer,
        requests_per_5_minutes: int,
    ) -> None:
        super().__init__(scope, construct_id)
        self.name = "SepsisDetect"
        self._priority = 0
        rules = [
            self._rule(
                "Rate",
                statement=wafv2.CfnWebACL.StatementProperty(
                    rate_based_statement=wafv2.CfnWebACL.RateBasedStatementProperty(
                        aggregate_key_type="IP", limit=requests_per_5_minutes
                    )
                ),
                action=_block(429, TOO_MANY, {"Retry-After": str(RETRY_SECONDS)}),
            ),
            *(self._managed(group) for group in GROUPS),
        ]
        web_acl = wafv2.CfnWebACL(
            self,
            "WebAcl",
            scope="REGIONAL",
            default_action=wafv2.CfnWebACL.DefaultActionProperty(allow={}),
            visibility_config=self._visibility(self.name),
            custom_response_bodies={key: _body(problem) for key, problem in PROBLEMS.items()},
            rules=rules,
        )
        wafv2.CfnWebACLAssociation(
            self,
            "Association",
            resource_arn=balancer.load_balancer_arn,
            web_acl_arn=web_acl.attr_arn,
        )

    def _managed(self, group: ManagedRules) -> wafv2.CfnWebACL.RuleProperty:
        count = wafv2.CfnWebACL.RuleActionProperty(count={})
        actions = dict.fromkeys(group.counted, count)
        actions |= dict.fromkeys(group.blocked, _block(403, REFUSED, {}))
        statement = wafv2.CfnWebACL.ManagedRuleGroupStatementProperty(
            vendor_name="AWS",
            name=group.name,
            rule_action_overrides=[
                wafv2.CfnWebACL.RuleActionOverrideProperty(name=name, action_to_use=action)
                for name, action in actions.items()
            ],
        )
        return self._rule(
            group.name.removeprefix("AWSManagedRules"),
            statement=wafv2.CfnWebACL.StatementProperty(managed_rule_group_statement=statement),
            override_action=wafv2.CfnWebACL.OverrideActionProperty(none={}),
        )

    def _rule(self, name: str, **rule: Any) -> wafv2.CfnWebACL.RuleProperty:
        self._priority += 1
        return wafv2.CfnWebACL.RuleProperty(
            name=name, priority=self._priority, visibility_config=self._visibility(name), **rule
        )

    @staticmethod
    def _visibility(name: str) -> wafv2.CfnWebACL.VisibilityConfigProperty:
        return wafv2.CfnWebACL.VisibilityConfigProperty(
            cloud_watch_metrics_enabled=True, metric_name=name, sampled_requests_enabled=False
        )


def _block(
    status: int, body_key: str, headers: dict[str, str]
) -> wafv2.CfnWebACL.RuleActionProperty:
    header = wafv2.CfnWebACL.CustomHTTPHeaderProperty
    response = wafv2.CfnWebACL.CustomResponseProperty(
        response_code=status,
        custom_response_body_key=body_key,
        response_headers=[
            header(name=name, value=value)
            for name, value in {
                "X-Request-ID": REQUEST_ID,
                "Cache-Control": "no-store",
                **headers,
            }.items()
        ],
    )
    return wafv2.CfnWebACL.RuleActionProperty(
        block=wafv2.CfnWebACL.BlockActionProperty(custom_response=response)
    )


def _body(problem: Problem) -> wafv2.CfnWebACL.CustomResponseBodyProperty:
    # ASCII with escapes: CloudFormation changes other characters in some properties.
    content = json.dumps({"detail": [problem.as_dict()]})
    return wafv2.CfnWebACL.CustomResponseBodyProperty(
        content=content, content_type="APPLICATION_JSON"
    )
