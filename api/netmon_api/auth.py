"""Who may come in. This is the one place that decides."""

import base64
from collections.abc import Mapping
from enum import Enum
from urllib.parse import urlsplit

from aiohttp import hdrs, web

from netmon_api.envelope import ApiError
from netmon_collector.state.tokens import Tokens


class Access(Enum):
    """Who may use a route."""

    PUBLIC = "anybody"
    TOKEN = "whoever sends a token in the Authorization header"  # noqa: S105 - says what is needed, is no secret
    ADMIN = "whoever sends a token for administrators there"
    WRITE = "whoever sends a token there, or one that is for writing samples alone"
    BEAT = "whoever sends the token of this very heartbeat there, or one for the API"
    SOCKET = "whoever sends a token there, or whoever opens a WebSocket and sends the token first"


class Doorkeeper:
    """Lets requests in, or raises the ApiError that turns them away."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    def admit(self, access: Access, request: web.Request) -> None:
        """Checks a request against its route's policy; a socket let in without a header has still to authenticate."""
        if access is Access.PUBLIC:
            return
        if access is Access.SOCKET:
            _refuse_strangers(request)
            if hdrs.AUTHORIZATION not in request.headers and _is_upgrade(request):
                return
        token = token_of(request.headers)
        if access is Access.WRITE and token is not None and self._tokens.verify("write", token):
            return
        if (
            access is Access.BEAT
            and token is not None
            and self._tokens.verify("beat", token, request.match_info["name"])
        ):
            return
        if not self.knows(token):
            raise unauthenticated()
        if access is Access.ADMIN and not self._is_admin(token):
            raise ApiError("forbidden", "this takes a token for administrators: netmon token new --admin makes one")

    def knows(self, token: str | None) -> bool:
        return token is not None and (self._tokens.verify("api", token) or self._tokens.verify("admin", token))

    def _is_admin(self, token: str | None) -> bool:
        return token is not None and self._tokens.verify("admin", token)


def unauthenticated() -> ApiError:
    return ApiError(
        "unauthenticated",
        "a token is needed: send the header 'Authorization: Bearer TOKEN'",
        headers={hdrs.WWW_AUTHENTICATE: "Bearer"},
    )


def token_of(headers: Mapping[str, str]) -> str | None:
    """The token that a request shows. Data sources that know only names and passwords send it as the password."""
    scheme, _, shown = headers.get(hdrs.AUTHORIZATION, "").partition(" ")
    match scheme.lower():
        case "bearer" | "token":  # the latter is InfluxDB's word
            return shown.strip()
        case "basic":
            return _password(shown.strip())
    return None


def _password(pair: str) -> str | None:
    try:
        return base64.b64decode(pair, validate=True).decode().partition(":")[2]
    except ValueError:
        return None


def _is_upgrade(request: web.Request) -> bool:
    return request.headers.get(hdrs.UPGRADE, "").lower() == "websocket"


def _refuse_strangers(request: web.Request) -> None:
    """Browsers open WebSockets to any host and tell the page's origin: only our own pages may."""
    origin = request.headers.get(hdrs.ORIGIN)
    if origin is not None and urlsplit(origin).netloc != request.host:
        raise ApiError("forbidden", "a page of another origin may not open this WebSocket")
