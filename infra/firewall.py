"""AWS WAF in front of the load balancer: a rate limit for each address, and AWS's managed rules.

Two of the managed rules only count. A batch of patients is larger than the 8 kB that
SizeRestrictions_BODY allows, and interface engines of hospitals often send no User-Agent.
Requests are neither sampled nor logged: they carry patients' data.

Source: AWS WAF Developer Guide, "AWS Managed Rules rule groups list".
"""

from typing import Any

from aws_cdk import aws_elasticloadbalancingv2 as elb
from aws_cdk import aws_wafv2 as wafv2
from constructs import Construct

COUNTED = ("SizeRestrictions_BODY", "NoUserAgent_HEADER")
MANAGED = (
    "AWSManagedRulesAmazonIpReputationList",
    "AWSManagedRulesKnownBadInputsRuleSet",
    "AWSManagedRulesCommonRuleSet",
)


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
                action=wafv2.CfnWebACL.RuleActionProperty(
                    block=wafv2.CfnWebACL.BlockActionProperty(
                        custom_response=wafv2.CfnWebACL.CustomResponseProperty(
                            response_code=429,
                            response_headers=[
                                wafv2.CfnWebACL.CustomHTTPHeaderProperty(
                                    name="Retry-After", value="60"
                                )
                            ],
                        )
                    )
                ),
            ),
            *(self._managed(name) for name in MANAGED),
        ]
        web_acl = wafv2.CfnWebACL(
            self,
            "WebAcl",
            scope="REGIONAL",
            default_action=wafv2.CfnWebACL.DefaultActionProperty(allow={}),
            visibility_config=self._visibility(self.name),
            rules=rules,
        )
        wafv2.CfnWebACLAssociation(
            self,
            "Association",
            resource_arn=balancer.load_balancer_arn,
            web_acl_arn=web_acl.attr_arn,
        )

    def _managed(self, name: str) -> wafv2.CfnWebACL.RuleProperty:
        count = wafv2.CfnWebACL.RuleActionProperty(count={})
        overrides = [
            wafv2.CfnWebACL.RuleActionOverrideProperty(name=each, action_to_use=count)
            for each in COUNTED
        ]
        group = wafv2.CfnWebACL.ManagedRuleGroupStatementProperty(
            vendor_name="AWS",
            name=name,
            rule_action_overrides=overrides if name == "AWSManagedRulesCommonRuleSet" else None,
        )
        return self._rule(
            name.removeprefix("AWSManagedRules"),
            statement=wafv2.CfnWebACL.StatementProperty(managed_rule_group_statement=group),
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
