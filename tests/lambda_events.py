"""Events that AWS sends to a Lambda function for one HTTP request.

Source: AWS, "Lambda functions as targets" (Elastic Load Balancing), "Working with AWS Lambda proxy
integrations for HTTP APIs" (API Gateway, payload 1.0 and 2.0), "Input format of a Lambda function
for proxy integration" (REST API), "Invoking Lambda function URLs".
"""

import base64
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

Json = dict[str, Any]
TRACE = "Root=1-5c536348-3d683b8b04734faae651f476"
HEADERS = {
    "accept": "*/*",
    "content-type": "application/json",
    "host": "sepsis-123.eu-west-3.elb.amazonaws.com",
    "user-agent": "curl/8.14.1",
    "x-amzn-trace-id": TRACE,
    "x-forwarded-for": "192.0.2.7",
    "x-forwarded-port": "443",
    "x-forwarded-proto": "https",
    "x-request-id": "trace-0017",
}
TARGET_GROUP = (
    "arn:aws:elasticloadbalancing:eu-west-3:123456789012:targetgroup/sepsis/6d0ecf831eec9f09"
)

HEALTH_CHECK: Json = {
    "requestContext": {"elb": {"targetGroupArn": TARGET_GROUP}},
    "httpMethod": "GET",
    "path": "/health",
    "queryStringParameters": {},
    "headers": {"user-agent": "ELB-HealthChecker/2.0"},
    "body": "",
    "isBase64Encoded": False,
}


def load_balancer(method: str, path: str, query: str = "", body: Any = None, **other: str) -> Json:
    """Event of a target group; it has only the last value of a repeated parameter."""
    return HEALTH_CHECK | {
        "httpMethod": method,
        "path": path,
        "queryStringParameters": dict(_parameters(query)),
        "headers": HEADERS | _named(other),
        "body": _text(body),
    }


def load_balancer_multi_value(
    method: str, path: str, query: str = "", body: Any = None, **other: str
) -> Json:
    """Event of a target group with multi-value headers enabled."""
    event = load_balancer(method, path, query, body, **other)
    headers, parameters = event.pop("headers"), event.pop("queryStringParameters")
    several: dict[str, list[str]] = {name: [] for name in parameters}
    for name, value in _parameters(query):
        several[name].append(value)
    return event | {
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "multiValueQueryStringParameters": several,
    }


def api_gateway(method: str, path: str, query: str = "", body: Any = None, **other: str) -> Json:
    """Event of an API Gateway HTTP API, payload format 2.0."""
    event: Json = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "headers": HEADERS | _named(other),
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "r3pmxmplak",
            "domainName": "r3pmxmplak.execute-api.eu-west-3.amazonaws.com",
            "domainPrefix": "r3pmxmplak",
            "http": {
                "method": method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "192.0.2.7",
                "userAgent": "curl/8.14.1",
            },
            "requestId": "JKJaXmPLvHcESHA=",
            "routeKey": "$default",
            "stage": "$default",
            "time": "25/Nov/2026:09:00:00 +0000",
            "timeEpoch": 1795597200000,
        },
        "isBase64Encoded": False,
    }
    return event if body is None else event | {"body": _text(body)}


def named_stage(method: str, path: str, query: str = "", body: Any = None, **other: str) -> Json:
    """Event of an HTTP API with the stage `prod`, payload format 2.0."""
    event = api_gateway(method, f"/prod{path}", query, body, **other)
    context = event["requestContext"] | {"stage": "prod"}
    return event | {"requestContext": context}


def named_stage_1(method: str, path: str, query: str = "", body: Any = None, **other: str) -> Json:
    """Event of an HTTP API with the stage `prod`, payload format 1.0."""
    event = rest_api(method, path, query, body, **other)
    return event | {"version": "1.0", "path": f"/prod{path}"}


def rest_api(method: str, path: str, query: str = "", body: Any = None, **other: str) -> Json:
    """Event of an API Gateway REST API with the stage `prod`, which is not in the path."""
    event = load_balancer_multi_value(method, path, query, body, **other)
    several = event["multiValueQueryStringParameters"]
    return event | {
        "resource": "/{proxy+}",
        "headers": {name: values[0] for name, values in event["multiValueHeaders"].items()},
        "queryStringParameters": {name: values[-1] for name, values in several.items()} or None,
        "multiValueQueryStringParameters": several or None,
        "pathParameters": {"proxy": path.lstrip("/")},
        "stageVariables": None,
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "r3pmxmplak",
            "domainName": "r3pmxmplak.execute-api.eu-west-3.amazonaws.com",
            "httpMethod": method,
            "identity": {"sourceIp": "192.0.2.7", "userAgent": "curl/8.14.1"},
            "path": f"/prod{path}",
            "protocol": "HTTP/1.1",
            "requestId": "JKJaXmPLvHcESHA=",
            "resourcePath": "/{proxy+}",
            "stage": "prod",
        },
    }


def function_url(method: str, path: str, query: str = "", body: Any = None, **other: str) -> Json:
    """Event of a function URL: the format of API Gateway, with the body in Base64."""
    return in_base64(api_gateway(method, path, query, body, **other))


def in_base64(event: Json) -> Json:
    """The same event with its body in Base64, as for binary content."""
    encoded = base64.b64encode(event.get("body", "").encode(errors="surrogatepass")).decode()
    return event | {"body": encoded, "isBase64Encoded": True}


Asked = Callable[..., Json]
KINDS: dict[str, Asked] = {
    "load balancer": load_balancer,
    "load balancer, multi-value": load_balancer_multi_value,
    "API Gateway": api_gateway,
    "API Gateway, named stage": named_stage,
    "API Gateway, named stage, payload 1.0": named_stage_1,
    "REST API": rest_api,
    "function URL": function_url,
}

NO_REQUESTS: list[Any] = [
    {},
    {"Records": [{"s3": {"object": {"key": "ward-canary"}}}]},
    {"detail-type": "Scheduled Event", "ward-canary": 118.4242},
    {"requestContext": {"elb": {}}, "ward-canary": 118.4242},
    {"version": "2.0", "requestContext": {"http": "ward-canary"}},
    ["ward-canary"],
    "ward-canary",
    None,
]


def answer_headers(answer: Json) -> dict[str, str]:
    """The headers of an answer in either format."""
    if "multiValueHeaders" in answer and "headers" not in answer:
        return {name: values[0] for name, values in answer["multiValueHeaders"].items()}
    headers: dict[str, str] = answer["headers"]
    return headers


def _parameters(query: str) -> list[tuple[str, str]]:
    return parse_qsl(query, keep_blank_values=True)


def _named(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-").lower(): value for name, value in headers.items()}


def _text(body: Any) -> str:
    return "" if body is None else body if isinstance(body, str) else json.dumps(body)
