"""Request decompression: bodies with `Content-Encoding: gzip`, as many FHIR clients send them.

Parts are unpacked as they are received and handed on in pieces of bounded size. So `BodyLimit`,
which stands inside, bounds the unpacked body: one that unpacks to a huge size ends at the limit.

Source: RFC 9110, sections 8.4 and 15.5.16; RFC 1952.
"""

import asyncio
import zlib
from collections.abc import Awaitable, Iterator

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sepsis_detect.api.error_responses import body_too_large, error_response
from sepsis_detect.problems import Problem, RequestError

HEADER, LENGTH = b"content-encoding", b"content-length"
GZIP = (["gzip"], ["x-gzip"])
PIECE_BYTES = 256 * 1024
MAX_MEMBERS = 1_000  # of one body: an empty one takes time and adds nothing to its size
GZIP_FORMAT = zlib.MAX_WBITS | 16  # zlib's way to ask for gzip alone


class RequestDecompression:
    """Middleware that unpacks gzip and answers 415 to other encodings.

    Args:
        app: The application; it bounds the unpacked body.
        max_body_bytes: Limit of a packed body.
    """

    def __init__(self, app: ASGIApp, *, max_body_bytes: int):
        """Wrap `app`."""
        self._app = app
        self._max_body_bytes = max_body_bytes

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Serve one request; one without the header is handed on without a coroutine of ours."""
        if scope["type"] == "http" and scope["method"] == "POST":
            for name, _ in scope["headers"]:
                if name == HEADER:
                    return self._serve_encoded(scope, receive, send)
        return self._app(scope, receive, send)

    async def _serve_encoded(self, scope: Scope, receive: Receive, send: Send) -> None:
        codings = _codings(scope)
        if codings in GZIP:
            kept = [each for each in scope["headers"] if each[0] not in (HEADER, LENGTH)]
            scope["headers"] = kept
            await self._app(scope, _UnpackedBody(receive, self._max_body_bytes), send)
        elif codings:
            await error_response(_unknown_encoding(), scope)(scope, receive, send)
        else:
            await self._app(scope, receive, send)


def _codings(scope: Scope) -> list[str]:
    """The codings of the body in the order applied; `identity` is none."""
    stated = b",".join(value for name, value in scope["headers"] if name == HEADER)
    listed = (each.strip().lower() for each in stated.decode("latin-1").split(","))
    return [each for each in listed if each not in ("", "identity")]


class _UnpackedBody:
    """An ASGI `receive` that gives the unpacked body in pieces, while it receives the packed one.

    Raises:
        RequestError: 413, the packed body is too large; 422, it is not gzip.
    """

    def __init__(self, receive: Receive, max_body_bytes: int):
        self._receive = receive
        self._max_body_bytes = max_body_bytes
        self._n_bytes = 0  # received
        self._has_more = True
        self._is_ended = False
        self._gzip = _GzipReader()
        self._pieces: Iterator[bytes] = iter(())

    async def __call__(self) -> Message:
        while (piece := next(self._pieces, None)) is None:
            if self._is_ended:
                return await self._receive()
            if not self._has_more:
                self._gzip.check_complete()
                self._is_ended = True
                return {"type": "http.request", "body": b"", "more_body": False}
            message = await self._receive()
            if message["type"] != "http.request":
                return message
            self._add(message)
        await asyncio.sleep(0)  # let the event loop serve others between two pieces
        return {"type": "http.request", "body": piece, "more_body": True}

    def _add(self, message: Message) -> None:
        part: bytes = message.get("body", b"")
        self._n_bytes += len(part)
        if self._n_bytes > self._max_body_bytes:
            raise body_too_large(self._max_body_bytes)
        self._has_more = message.get("more_body", False)
        self._pieces = self._gzip.unpack(part)


class _GzipReader:
    """Reads a gzip stream of one or more members."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(GZIP_FORMAT)
        self._n_members = 1

    def unpack(self, part: bytes) -> Iterator[bytes]:
        """What the next part of the stream unpacks to, in pieces of at most `PIECE_BYTES`."""
        while part:
            if self._member.eof:
                part = part.lstrip(b"\0")  # padding, which gzip allows after a member
                if not part:
                    return
                self._begin_member()
            try:
                piece = self._member.decompress(part, PIECE_BYTES)
            except zlib.error as error:
                raise _not_gzip() from error
            if piece:
                yield piece
            part = self._member.unused_data if self._member.eof else self._member.unconsumed_tail

    def check_complete(self) -> None:
        """Check that the stream ends where a member does."""
        if not self._member.eof:
            raise _not_gzip()

    def _begin_member(self) -> None:
        self._n_members += 1
        if self._n_members > MAX_MEMBERS:
            raise _not_gzip()
        self._member = zlib.decompressobj(GZIP_FORMAT)


def _not_gzip() -> RequestError:
    problem = Problem(
        type="body",
        rule="body.gzip",
        loc=("body",),
        msg="The header Content-Encoding says gzip, but the body is not a complete gzip stream.",
        msg_fr="L'en-tête Content-Encoding annonce gzip, mais le corps n'est pas un flux gzip "
        "complet.",
        hint="Was the body cut short or sent unpacked? Leave the header out for plain JSON.",
        hint_fr="Le corps a-t-il été tronqué ou envoyé sans compression ? N'envoyez pas cet "
        "en-tête avec du JSON non compressé.",
    )
    return RequestError(422, [problem])


def _unknown_encoding() -> RequestError:
    problem = Problem(
        type="body",
        rule="body.encoding",
        loc=("header", "content-encoding"),
        msg="The body may be compressed with gzip alone: send Content-Encoding: gzip, or none.",
        msg_fr="Le corps ne peut être compressé qu'en gzip : envoyez Content-Encoding: gzip, ou "
        "aucun.",
    )
    error = RequestError(415, [problem])
    error.headers["Accept-Encoding"] = "gzip"
    return error
