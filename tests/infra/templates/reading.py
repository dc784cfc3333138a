"""Settings of the templates under test, and queries of a template."""

import json
import re
from typing import Any

from tests.infra.conftest import Template
from tests.infra.test_settings import CERTIFICATE

DIGEST = "sha256:" + "a" * 64
PROD = {"env": "prod", "certificate_arn": CERTIFICATE, "alarm_email": "ops@example.org"}
EVERYTHING = PROD | {
    "image": DIGEST,
    "instance_type": "c7g.large",
    "spot_percent": "50",
    "lambda_percent": "5",
    "availability_zones": "3",
    "min_instances": "3",
    "egress": "nat",
    "domain_name": "sepsis.example.org",
    "cors_origins": "https://ward.example.org",
}
SHADOW_KEY = "sepsis/shadow.onnx"
SHADOWED = PROD | {"shadow_model_key": SHADOW_KEY}


def of_type(template: Template, kind: str) -> dict[str, Any]:
    return {
        name: each["Properties"]
        for name, each in template["Resources"].items()
        if each["Type"] == f"AWS::{kind}"
    }


def only(template: Template, kind: str) -> Any:
    (found,) = of_type(template, kind).values()
    return found


def attributes(properties: Any, name: str) -> dict[str, Any]:
    return {each["Key"]: each["Value"] for each in properties[name]}


def seconds_of(template: Template, option: str) -> int:
    """The seconds after an option in the user data."""
    found = re.search(rf"{re.escape(option)}(\d+)", user_data(template))
    assert found is not None
    return int(found[1])


def user_data(template: Template) -> str:
    data = only(template, "EC2::LaunchTemplate")["LaunchTemplateData"]["UserData"]
    parts = data["Fn::Base64"]["Fn::Join"][1]
    return "".join(part if isinstance(part, str) else json.dumps(part) for part in parts)
