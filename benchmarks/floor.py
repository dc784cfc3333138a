"""The floor of `make bench`: an ASGI application that answers a constant.

It is what one request costs with this HTTP server alone. Run: `uvicorn benchmarks.floor:app`.
"""

from typing import Any

BODY = b'{"prediction":"Negative","probability":0.0123456,"threshold":0.05,"icu_hour":12}'
START = {
    "type": "http.response.start",
    "status": 200,
    "headers": [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(BODY)).encode()),
    ],
}


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Read the body, answer the constant."""
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body"):
        pass
    await send(START)
    await send({"type": "http.response.body", "body": BODY})
