"""boto3 clients of the local AWS for calls to itself."""

from collections.abc import Callable
from functools import cache
from typing import Any

import boto3

Properties = dict[str, Any]
Client = Callable[[str], Any]


@cache
def client_of(region: str, url: str) -> Client:
    """A function from service names to clients, each created once."""

    @cache
    def client(service: str) -> Any:
        return boto3.client(  # type: ignore[call-overload]  # the service is a variable
            service,
            region_name=region,
            endpoint_url=url,
            aws_access_key_id="server",
            aws_secret_access_key="server",  # noqa: S106 - for the local server
        )

    return client
