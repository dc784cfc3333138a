"""The web pages at `/` and `/ward` and their files under `/web/`, read once at the start.

The pages hold no patient value, so that they need no key; their calls of the API do.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files
from pathlib import PurePosixPath

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

FOLDER = "/web/"
PAGES = {"index.html": "/", "ward.html": "/ward"}
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
    """One file, with its ETag: browsers revalidate it at each use."""

    body: bytes
    media_type: str
    etag: str

    def respond(self, request: Request) -> Response:
        """Respond with the file; 304 where the browser has it already."""
        headers = {"ETag": self.etag, "Cache-Control": "no-cache", "Content-Security-Policy": CSP}
        if self.etag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return Response(self.body, headers=headers, media_type=self.media_type)


def read_assets() -> dict[str, Asset]:
    """Every file of the pages, by its name."""
    assets = {}
    for file in files("sepsis_detect").joinpath("web").iterdir():
        if media_type := MEDIA_TYPES.get(PurePosixPath(file.name).suffix):
            body = file.read_bytes()
            assets[file.name] = Asset(body, media_type, f'"{sha256(body).hexdigest()[:32]}"')
    return assets


def routes() -> list[Route]:
    """The routes of the pages."""
    return [
        Route(PAGES.get(name, FOLDER + name), _endpoint(asset))
        for name, asset in read_assets().items()
    ]


def _endpoint(asset: Asset) -> Callable[[Request], Awaitable[Response]]:
    async def send(request: Request) -> Response:
        return asset.respond(request)

    return send


def is_part(path: str) -> bool:
    """Whether a path belongs to the pages, whether or not the file exists."""
    return path in PAGES.values() or path.startswith(FOLDER)
