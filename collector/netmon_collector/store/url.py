"""The URL that names a store: which kind, where, and in which files its credentials are."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal
from urllib.parse import parse_qsl, quote, urlsplit

from netmon_configs.options import is_loopback

Kind = Literal["embedded", "victoriametrics", "influxdb"]

_FILES: Final = re.compile(r"([?&](?:password|token|ca)_file=)(?!/)")
_CREDENTIALS: Final = ("user", "password_file", "token_file", "ca_file")
_PARAMETERS: Final[dict[str, tuple[str, ...]]] = {
    "victoriametrics": ("tenant", "select", *_CREDENTIALS),
    "influxdb": ("db", "rp", "org", *_CREDENTIALS),
}
_SHAPES: Final = (
    "must be embedded:, victoriametrics:http://host:8428, or influxdb:http://host:8086?db=name (see docs/stores.md)"
)


@dataclass(frozen=True, slots=True)
class StoreUrl:
    """A store by its URL; it names files with secrets and never holds one.

    `address`: the server's http(s) address, or for the embedded store its folder ("" for the usual one).
    """

    kind: Kind
    address: str
    parameters: tuple[tuple[str, str], ...] = ()

    def get(self, name: str) -> str:
        """A parameter; empty where it is not given."""
        return dict(self.parameters).get(name, "")


def parse_store_url(text: str) -> StoreUrl:
    """Reads a store's URL. Raises ValueError, which never repeats the URL: somebody may have put a password into it."""
    scheme, _, rest = text.partition(":")
    if scheme == "embedded":
        return StoreUrl("embedded", rest)
    if scheme == "victoriametrics":
        return _outside("victoriametrics", rest)
    if scheme == "influxdb":
        return _outside("influxdb", rest)
    raise ValueError(_SHAPES)


def with_files_beside(text: str, folder: Path) -> str:
    """The URL with its files looked for in a folder, where they do not begin at the root."""
    return _FILES.sub(lambda named: f"{named[1]}{quote(str(folder), safe='/')}/", text)


def _outside(kind: Kind, text: str) -> StoreUrl:
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
        parameters = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
    except ValueError:
        raise ValueError(_SHAPES) from None
    if parts.scheme not in ("http", "https") or not host or parts.fragment:
        raise ValueError(_SHAPES)
    if "@" in parts.netloc:
        raise ValueError("must not have a password in it: use ?user=name&password_file=/path")
    for name in parameters:
        if name not in _PARAMETERS[kind]:
            raise ValueError(f"has a parameter that is not known; {kind} takes {', '.join(_PARAMETERS[kind])}")
    if kind == "influxdb" and not parameters.get("db"):
        raise ValueError("must name the database, as in influxdb:http://host:8086?db=netmon")
    if parameters.get("select") and "tenant" not in parameters:
        raise ValueError("must name the tenant of a cluster, as in &tenant=0")
    _check_credentials(parts.scheme, host, parameters)
    return StoreUrl(kind, f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}", tuple(parameters.items()))


def _check_credentials(scheme: str, host: str, parameters: dict[str, str]) -> None:
    if ("user" in parameters) != ("password_file" in parameters):
        raise ValueError("must have user and password_file together")
    if "user" in parameters and "token_file" in parameters:
        raise ValueError("must have either user and password_file, or token_file")
    secret = "password_file" in parameters or "token_file" in parameters
    addresses = [(scheme, host)]
    if select := parameters.get("select"):
        other = urlsplit(select)
        if other.scheme not in ("http", "https") or not other.hostname or "@" in other.netloc:
            raise ValueError("must have an http or https address as select")
        addresses.append((other.scheme, other.hostname))
    if secret and any(scheme == "http" and not is_loopback(host) for scheme, host in addresses):
        raise ValueError("must be https: a password or token goes over plain http to this machine only")
