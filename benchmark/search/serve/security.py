"""Who may ask the server, how much may be sent to it, and what its answers allow a browser to do."""

from __future__ import annotations

import ipaddress
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import cookie_parser
from starlette.types import ASGIApp, Message, Receive, Scope, Send

#: Bytes of a request that uploads nothing.
SMALL = 64 * 1024
#: Where files are uploaded.
UPLOADS = "/api/queries"
#: What is answered without a cookie: the page that exchanges the token for one, and the package's own files.
OPEN = ("/", "/api/login")
STATIC = "/static/"
SAFE = ("GET", "HEAD")

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


@dataclass(frozen=True)
class Access:
    """What a browser must show to be answered.

    Attributes
    ----------
    host, port
        Where the server listens.
    token
        In the address that the server's owner is told; worth a cookie.
    session
        Value of the cookie.
    """

    host: str
    port: int
    token: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    session: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)

    @property
    def cookie(self) -> str:
        """Name of the cookie; browsers share cookies between the ports of a host."""
        return f"seada_bench_{self.port}"

    @property
    def set_cookie(self) -> str:
        """Header that gives a browser the cookie until it is closed."""
        return f"{self.cookie}={self.session}; HttpOnly; SameSite=Strict; Path=/"

    @property
    def url(self) -> str:
        """Address to open. The token is in the fragment, which no browser sends to anybody."""
        host = self.host
        if _address(host) is not None and ipaddress.ip_address(host).is_unspecified:
            host = "127.0.0.1" if ":" not in host else "::1"
        return f"http://{_bracketed(host)}:{self.port}/#{self.token}"

    def serves(self, host: str) -> bool:
        """Whether a request's ``Host`` is this server: a page elsewhere can give its name the server's address.

        Allowed are the host that the server was bound to, ``localhost`` and its addresses; if it was bound to every
        address of the machine (``0.0.0.0``), any address, which a page elsewhere cannot take for its name.
        """
        try:
            split = urlsplit(f"//{host}")
            name, port = split.hostname or "", split.port
        except ValueError:
            return False
        if (port or 80) != self.port or "@" in host or "/" in host:
            return False
        if name in (self.host.lower(), "localhost", "127.0.0.1", "::1"):
            return True
        bound = _address(self.host)
        return bound is not None and bound.is_unspecified and _address(name) is not None

    def knows_token(self, token: str) -> bool:
        """Whether a token is the right one, in a time that does not depend on it."""
        return secrets.compare_digest(token.encode(), self.token.encode())

    def has_cookie(self, headers: Headers) -> bool:
        """Whether a request carries the cookie, likewise."""
        given = cookie_parser(headers.get("cookie", "")).get(self.cookie, "")
        return secrets.compare_digest(given.encode(), self.session.encode())


class Guard:
    """Stands before the application: refuses strangers and floods, and puts headers on every answer.

    Parameters
    ----------
    app
        The application.
    access
        Who may ask.
    upload_limit
        Bytes that may be uploaded at a time.
    """

    def __init__(self, app: ASGIApp, access: Access, upload_limit: int) -> None:
        self.app, self.access, self.upload_limit = app, access, upload_limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or let the application do it."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
            await send(message)

        limit = self.upload_limit + SMALL if scope["path"] == UPLOADS else SMALL
        refusal = self._refusal(scope["method"], scope["path"], Headers(scope=scope), limit)
        if refusal is not None:
            await _answer(guarded, *refusal)
            return
        received = 0

        async def limited() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > limit:
                raise HTTPException(413, self._too_large(limit))
            return message

        await self.app(scope, limited, guarded)

    def _refusal(self, method: str, path: str, headers: Headers, limit: int) -> tuple[int, str] | None:
        """Status and reason; None for a request that may pass."""
        hosts = headers.getlist("host")
        if len(hosts) != 1 or not self.access.serves(hosts[0]):
            return 403, "Host: this server is not asked by that name"
        if method not in SAFE and headers.get("origin") != f"http://{hosts[0]}":
            return 403, "Origin: only the server's own page may change anything"
        if path not in OPEN and not path.startswith(STATIC) and not self.access.has_cookie(headers):
            return 401, "not logged in: open the address that the server printed when it started"
        length = headers.get("content-length", "0")
        if not (length.isascii() and length.isdigit()):
            return 400, "Content-Length: a number is needed"
        # Longer digits than any size are not turned into a number.
        if len(length) > 18 or int(length) > limit:
            return 413, self._too_large(limit)
        return None

    def _too_large(self, limit: int) -> str:
        if limit == SMALL:
            return f"a request of at most {SMALL // 1024} KB is allowed"
        return f"uploads of at most {self.upload_limit / 1e6:.0f} MB are allowed (--max_upload)"


async def _answer(send: Send, status: int, reason: str) -> None:
    body = json.dumps({"error": reason}).encode()
    headers = [
        (b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()), (b"connection", b"close"),
    ]  # fmt: skip
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        return None


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
