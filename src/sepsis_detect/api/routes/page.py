"""The web page at `/` and its files under `/web/`, read once: nothing is built, nothing is foreign.

The page holds no value of anybody, so that it needs no key; what it asks of the API does.
"""

from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files
from pathlib import PurePosixPath

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

ROOT, FOLDER = "/", "/web/"
INDEX = "index.html"
MEDIA_TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".json": "application/json",
    ".svg": "image/svg+xml",
}
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)


@dataclass(frozen=True, slots=True)
class Asset:
    """One file as it is sent: always asked for again, seldom sent again."""

    body: bytes
    media_type: str
    etag: str

    def respond(self, request: Request) -> Response:
        """Answer 304 to who has it already."""
        headers = {"ETag": self.etag, "Cache-Control": "no-cache", "Content-Security-Policy": CSP}
        if self.etag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return Response(self.body, headers=headers, media_type=self.media_type)


def read_assets() -> dict[str, Asset]:
    """Every file of the page by its name; what has no media type here is none of it."""
    assets = {}
    for file in files("sepsis_detect").joinpath("web").iterdir():
        if media_type := MEDIA_TYPES.get(PurePosixPath(file.name).suffix):
            body = file.read_bytes()
            assets[file.name] = Asset(body, media_type, f'"{sha256(body).hexdigest()[:32]}"')
    return assets


def mount(app: FastAPI) -> None:
    """Add the page's routes; none of them is part of the OpenAPI document."""
    for name, asset in read_assets().items():
        path = ROOT if name == INDEX else FOLDER + name

        async def send(request: Request, asset: Asset = asset) -> Response:
            return asset.respond(request)

        app.add_route(path, send, include_in_schema=False)


def is_part(path: str) -> bool:
    """Whether a path belongs to the page, there or not."""
    return path == ROOT or path.startswith(FOLDER)
