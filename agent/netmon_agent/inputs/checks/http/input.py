"""Asks a web server, follows its redirects, and judges what it answers."""

import re
from collections.abc import Mapping
from typing import Annotated, Final, Literal
from urllib.parse import urljoin

from pydantic import Field, SecretStr, field_validator, model_validator

from netmon_agent.inputs.base import Reading
from netmon_agent.inputs.checks.base import CannotCheck, IpVersion, Pattern, Probe, Way, Wrong
from netmon_agent.inputs.checks.channel import Channel, TlsOptions
from netmon_agent.inputs.checks.http.exchange import Answer, Place, exchange
from netmon_agent.inputs.checks.http2 import ALPN
from netmon_configs.options import Duration, FilePath, Size, Variable
from netmon_configs.secrets import NoSecret, authorization_of, has_authorization

_MOST_REDIRECTS: Final = 10
_REDIRECTS: Final = (301, 302, 303, 307, 308)
_AT_HOME_ONLY: Final = ("authorization", "cookie", "host")
_PROTOCOLS: Final = (ALPN, "http/1.1")
_PHASES: Final = ("resolve", "connect", "tls", "processing", "transfer")

HeaderName = Annotated[str, Field(pattern=r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$", max_length=200)]
HeaderValue = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]*$", max_length=8_000)]


class HttpInput(Probe):
    """Up when the last answer has a wanted status, header and body; each gather opens connections of its own."""

    type: Literal["http"]
    url: str = Field(max_length=2_000)
    method: str = Field(default="GET", pattern=r"^[A-Z]{1,20}$")
    headers: dict[HeaderName, HeaderValue] = Field(default_factory=dict, max_length=50)
    body: str = Field(default="", max_length=100_000)
    status: tuple[Annotated[int, Field(ge=100, le=599)], ...] = ()
    follow_redirects: bool = True
    http2: bool = True
    expect_headers: dict[HeaderName, Pattern] = Field(default_factory=dict, max_length=50)
    expect_body: Pattern | None = None
    reject_body: Pattern | None = None
    timeout_s: Duration = Field(default=10.0, alias="timeout", gt=0, le=60)
    max_bytes: Size = Field(default=1 << 20, alias="max_size", ge=1 << 10, le=64 << 20)
    ip_version: IpVersion = None
    user: str | None = Field(default=None, min_length=1)
    password: SecretStr | None = None
    password_file: FilePath | None = None
    password_env: Variable | None = None
    token: SecretStr | None = None
    token_file: FilePath | None = None
    token_env: Variable | None = None
    tls: TlsOptions = Field(default_factory=TlsOptions)

    @field_validator("url")
    @classmethod
    def _is_place(cls, url: str) -> str:
        Place.of(url)
        return url

    @model_validator(mode="after")
    def _secrets_are_safe(self) -> "HttpInput":
        has_authorization(self, self.url)
        return self

    @property
    def title(self) -> str:
        return f"http {self.url}"[:128]

    @property
    def target(self) -> str:
        return self.url

    @property
    def asked(self) -> Mapping[str, str]:
        return {self.url: Place.of(self.url).host}

    async def probe(self, target: dict[str, str], told: list[Reading]) -> None:
        """Asks until there is no redirect; what is known then is told."""
        try:
            authorization = authorization_of(self)
        except NoSecret as error:
            raise CannotCheck(str(error)) from None
        url, method, body, redirects = self.url, self.method, self.body.encode(), 0
        phases = dict.fromkeys(_PHASES, 0.0)
        while True:
            place = Place.of(url)
            context = self.tls.context(*_PROTOCOLS[not self.http2 :]) if place.tls else None
            way = await Way.to(place.host, place.port, self.ip_version)
            channel = await Channel.open(way)
            try:
                if context is not None:
                    await channel.secure(context, self.tls.server_name or place.host)
                headers = self._headers(place, authorization)
                answer = await exchange(channel, method, place, headers, body, self.max_bytes)
                about_channel = [*channel.about_tls(target), *way.about(target)]
            finally:
                channel.close()
            steps = channel.steps | {"processing": answer.processing_s, "transfer": answer.transfer_s}
            phases = {name: phases[name] + steps[name] for name in phases}
            location = answer.headers.get("location")
            if not self.follow_redirects or answer.status not in _REDIRECTS or location is None:
                break
            if redirects == _MOST_REDIRECTS:
                raise Wrong(f"more than {_MOST_REDIRECTS} redirects")
            redirects += 1
            url = _next_url(url, location)
            if answer.status in (301, 302, 303) and method != "HEAD":
                method, body = "GET", b""
        wrong, by_pattern = self._judge(answer)
        told += [*about_channel, *_about_answer(target, answer, phases, redirects, tls=place.tls)]
        told.append(Reading("probe_failed_due_to_regex", target, float(by_pattern)))
        if wrong:
            raise Wrong(wrong)

    def _headers(self, place: Place, authorization: dict[str, str]) -> dict[str, str]:
        """A redirect to somewhere else is followed without what may be secret."""
        home = Place.of(self.url)
        if (place.host, place.port, place.tls) == (home.host, home.port, home.tls):
            return self.headers | authorization
        return {name: value for name, value in self.headers.items() if name.lower() not in _AT_HOME_ONLY}

    def _judge(self, answer: Answer) -> tuple[str | None, bool]:
        """What is wrong with an answer, and whether a pattern says so."""
        if answer.status not in self.status if self.status else not 200 <= answer.status < 300:
            return f"the status is {answer.status}", False
        for name, pattern in self.expect_headers.items():
            if not re.search(pattern, answer.headers.get(name.lower(), "")):
                return f"the header {name} is not as expected", True
        text = answer.body.decode("utf-8", "replace")
        if self.expect_body is not None and not re.search(self.expect_body, text):
            return "the body has nothing of what is expected", True
        if self.reject_body is not None and re.search(self.reject_body, text):
            return "the body has what it must not have", True
        return None, False


def _next_url(url: str, location: str) -> str:
    try:
        joined = urljoin(url, location)
        Place.of(joined)
    except ValueError:
        raise Wrong("the answer redirects to something that is no address of a page") from None
    return joined


def _about_answer(
    target: dict[str, str], answer: Answer, phases: dict[str, float], redirects: int, *, tls: bool
) -> list[Reading]:
    told = [
        Reading("probe_http_status_code", target, float(answer.status)),
        Reading("probe_http_version", target, float(answer.version)),
        Reading("probe_http_ssl", target, float(tls)),
        Reading("probe_http_redirects", target, float(redirects)),
        Reading("probe_http_content_length", target, float(answer.length)),
        Reading("probe_http_uncompressed_body_length", target, float(len(answer.body))),
        *(Reading("probe_http_duration_seconds", target | {"phase": name}, took_s) for name, took_s in phases.items()),
    ]
    from email.utils import parsedate_to_datetime  # half a megabyte, for who checks web servers

    try:
        changed = parsedate_to_datetime(answer.headers["last-modified"]).timestamp()
    except (KeyError, ValueError, OverflowError):
        return told
    return [*told, Reading("probe_http_last_modified_timestamp_seconds", target, changed)]
