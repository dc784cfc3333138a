"""AWS's managed rules, and what this service does with each: block or only count.

Rules about bodies and cookies only count. Bodies are clinical data that the service parses and
never fetches, renders or runs: a FHIR narrative is XHTML (CrossSiteScripting), a reference may hold
`../` (GenericLFI) or an address of the hospital's network (GenericRFI, EC2MetaDataSSRF), a batch is
larger than 8 kB (SizeRestrictions). Cookies of a hospital's sign-on are not read at all. Interface
engines often send no User-Agent. AWS's SQL rules are not used: there is no database.

A rule that AWS adds later has AWS's own action and answer until it is listed here.

Source: AWS WAF Developer Guide, "AWS Managed Rules rule groups list".
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ManagedRules:
    """One managed rule group.

    Attributes:
        name: Name that AWS gave the group.
        blocked: Rules that answer a request.
        counted: Rules that only add to a metric.
    """

    name: str
    blocked: tuple[str, ...]
    counted: tuple[str, ...] = ()


GROUPS = (
    ManagedRules(
        name="AWSManagedRulesAmazonIpReputationList",
        blocked=("AWSManagedIPReputationList", "AWSManagedReconnaissanceList"),
        counted=("AWSManagedIPDDoSList",),  # AWS's own default
    ),
    ManagedRules(
        name="AWSManagedRulesKnownBadInputsRuleSet",
        blocked=(
            "JavaDeserializationRCE_HEADER",
            "JavaDeserializationRCE_QUERYSTRING",
            "JavaDeserializationRCE_URIPATH",
            "Host_localhost_HEADER",
            "PROPFIND_METHOD",
            "ExploitablePaths_URIPATH",
            "Log4JRCE_HEADER",
            "Log4JRCE_QUERYSTRING",
            "Log4JRCE_URIPATH",
        ),
        counted=("JavaDeserializationRCE_BODY", "Log4JRCE_BODY", "ReactJSRCE_BODY"),
    ),
    ManagedRules(
        name="AWSManagedRulesCommonRuleSet",
        blocked=(
            "UserAgent_BadBots_HEADER",
            "SizeRestrictions_QUERYSTRING",
            "SizeRestrictions_URIPATH",
            "EC2MetaDataSSRF_QUERYARGUMENTS",
            "EC2MetaDataSSRF_URIPATH",
            "GenericLFI_QUERYARGUMENTS",
            "GenericLFI_URIPATH",
            "RestrictedExtensions_QUERYARGUMENTS",
            "RestrictedExtensions_URIPATH",
            "GenericRFI_QUERYARGUMENTS",
            "GenericRFI_URIPATH",
            "CrossSiteScripting_QUERYARGUMENTS",
            "CrossSiteScripting_URIPATH",
        ),
        counted=(
            "NoUserAgent_HEADER",
            "SizeRestrictions_BODY",
            "EC2MetaDataSSRF_BODY",
            "GenericLFI_BODY",
            "GenericRFI_BODY",
            "CrossSiteScripting_BODY",
            "SizeRestrictions_Cookie_HEADER",
            "EC2MetaDataSSRF_COOKIE",
            "CrossSiteScripting_COOKIE",
        ),
    ),
)
