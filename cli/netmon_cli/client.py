"""Asks the collector over HTTP, with nothing but the standard library."""

import json
import re
import ssl
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from http.client import HTTPException, HTTPMessage, HTTPResponse, IncompleteRead
from typing import IO, TYPE_CHECKING, Any, BinaryIO, TypeVar, cast
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, HTTPSHandler, OpenerDirector, ProxyHandler, Request, build_opener

from pydantic import BaseModel, TypeAdapter, ValidationError

from netmon_cli.access import Access
from netmon_cli.answers import Device, Devices, Problem, QueryProblem, Samples, Status
from netmon_cli.failure import Exit, Failure
from netmon_cli.output import escape, width
from netmon_configs.options import is_loopback

if TYPE_CHECKING:
    from netmon_cli.listening import Listening

Answer = TypeVar("Answer", bound=BaseModel)
Parameters = Sequence[tuple[str, str]]

PAGE = 100
EVALUATION_S = 60.0
"""How long the collector may evaluate an expression."""

_LISTS = {
    "/api/v1/anomalies/fine/": "netmon anomalies said",
    "/api/v1/checks/": "netmon check list",
    "/api/v1/devices/": "netmon devices",
    "/api/v1/downstream": "netmon map",
    "/api/v1/heartbeats/": "netmon heartbeat list",
    "/api/v1/identities/": "netmon identity list",
    "/api/v1/incidents/": "netmon incidents --all",
    "/api/v1/maintenance/": "netmon maintenance list",
    "/api/v1/models/": "netmon model list",
    "/api/v1/oncall/overrides/": "netmon oncall overrides",
    "/api/v1/paths": "netmon map",
    "/api/v1/proposals/": "netmon proposals",
    "/api/v1/reachability/": "netmon reachability",
    "/api/v1/receivers/": "netmon receivers list",
    "/api/v1/rules/": "netmon rules list",
    "/api/v1/sites/": "netmon site list",
    "/api/v1/snmp/credentials/": "netmon credential list",
    "/api/v1/snmp/devices/": "netmon device list",
    "/api/v1/sweeps/": "netmon sweep list",
    "/api/v1/topology": "netmon map",
    "/alertmanager/api/v2/silence/": "netmon silence list",
}
"""By the beginning of a path, the command that lists what is there."""
_PLACE = re.compile(r"(\d{1,6}):(\d{1,6}): parse error: (.*)", re.DOTALL)


class Unanswered(Exception):
    """An expression that the collector does not evaluate."""

    def __init__(self, problem: QueryProblem) -> None:
        super().__init__(problem.error)
        self.problem = problem


class Client:
    """One collector. Every method raises Failure with the exit code that fits."""

    def __init__(self, access: Access, *, timeout_s: float = 10.0, largest_bytes: int = 256 << 20) -> None:
        self._access = access
        self._timeout_s = timeout_s
        self._largest_bytes = largest_bytes
        self._opener = _opener(access.url)

    @property
    def url(self) -> str:
        return self._access.url

    def get(self, path: str, parameters: Parameters = (), timeout_s: float | None = None) -> Any:
        """The JSON that the collector answers to a path such as /api/v1/status."""
        return self._json(self._request(path, parameters), timeout_s or self._timeout_s)

    def send(self, method: str, path: str, body: Any = None, timeout_s: float | None = None) -> Any:
        """The JSON that the collector answers to a request that changes something; None where it answers nothing."""
        content = None if body is None else json.dumps(body).encode()
        return self._understood(
            self._read(self._request(path, (), method, content), timeout_s or self._timeout_s) or b"null"
        )

    def understand(self, answer: Any, model: type[Answer]) -> Answer:
        """An answer as the command needs it; what else is in there doesn't matter."""
        try:
            return model.model_validate(answer)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(str(step) for step in first["loc"]) or "all of it"
            raise self._strange(f"{escape(place)}: {escape(first['msg'])}") from None

    def status(self) -> Status:
        return self.understand(self.get("/api/v1/status"), Status)

    def now_s(self) -> float:
        """The collector's clock, Unix seconds: ages are told by it, not by the clock of this machine."""
        return self.status().now.timestamp()

    def devices(self) -> dict[str, Any]:
        """The list of devices, all its pages in one."""
        whole = self._page(1)
        page = whole
        number = 1
        while page["next"] is not None and page["results"] and len(whole["results"]) < whole["count"]:
            number += 1
            page = self._page(number)
            whole["results"].extend(page["results"])
        return whole | {"next": None, "previous": None}

    def pages(self, path: str, filters: Parameters = ()) -> dict[str, Any]:
        """A list of the API's, all its pages in one."""
        whole: dict[str, Any] = {}
        number = 1
        while True:
            page = self.get(path, [*filters, ("page", str(number)), ("page_size", str(PAGE))])
            if not isinstance(page, dict) or not isinstance(page.get("results"), list):
                raise self._strange("no list")
            whole = whole or page | {"results": []}
            whole["results"].extend(page["results"])
            if page.get("next") is None or not page["results"]:
                return whole | {"next": None, "previous": None}
            number += 1

    def down(self, most: int) -> list[Device]:
        """The first of the devices that are down."""
        return self.understand(self._page(1, most, [("state", "down")]), Devices).results

    def _page(self, number: int, length: int = PAGE, filters: Parameters = ()) -> dict[str, Any]:
        answer = self.get("/api/v1/devices", [*filters, ("page", str(number)), ("page_size", str(length))])
        self.understand(answer, Devices)
        return cast(dict[str, Any], answer)

    def device(self, instance: str) -> Any:
        return self.get(f"/api/v1/devices/{quote(instance, safe='')}")

    def samples(self, selector: str, start_s: float, limit: int | None = None) -> Any:
        """The samples of a selector since `start_s`."""
        parameters = [("selector", selector), ("start", f"{start_s:.3f}")]
        return self.get("/api/v1/samples", parameters + ([("limit", str(limit))] if limit else []))

    def readings(self, selector: str, start_s: float, limit: int | None = None) -> Samples:
        return self.understand(self.samples(selector, start_s, limit), Samples)

    @contextmanager
    def download(self, path: str, silence_s: float = 60.0) -> Iterator[BinaryIO]:
        """The answer to be read piece by piece; within the block, reading may raise OSError or HTTPException."""
        with self._opened(self._request(path, ()), silence_s) as response:
            yield response

    def listen(self) -> "AbstractContextManager[Listening]":
        """The collector's WebSocket; in it NotListening may be raised instead of Failure."""
        from netmon_cli.listening import listening

        return listening(self._access, self._timeout_s)

    def evaluate(self, expression: str, over: tuple[float, float, float] | None) -> Any:
        """What an expression comes to now, or from a start to an end by a step, all in seconds."""
        if over is None:
            return self._ask(expression, "/prometheus/api/v1/query", [])
        start_s, end_s, step_s = over
        times = [("start", f"{start_s:.3f}"), ("end", f"{end_s:.3f}"), ("step", f"{step_s:g}")]
        return self._ask(expression, "/prometheus/api/v1/query_range", times)

    def _ask(self, expression: str, path: str, parameters: list[tuple[str, str]]) -> Any:
        bound = ("timeout", f"{EVALUATION_S:g}s")
        try:
            return self.get(path, [("query", expression), *parameters, bound], EVALUATION_S + self._timeout_s)
        except Unanswered as refusal:
            raise Failure(Exit.REFUSED, _pointed(refusal.problem, expression)) from None

    def _json(self, request: Request, timeout_s: float) -> Any:
        return self._understood(self._read(request, timeout_s))

    def _understood(self, answer: bytes) -> Any:
        try:
            return json.loads(answer, parse_constant=_refuse)
        except (ValueError, RecursionError):
            raise self._strange("no JSON") from None

    def _read(self, request: Request, timeout_s: float) -> bytes:
        deadline = time.monotonic() + timeout_s
        with self._opened(request, timeout_s) as response:
            try:
                return self._body(response, deadline, timeout_s)
            except (OSError, HTTPException) as error:
                raise self._unreachable(error) from None

    def _request(self, path: str, parameters: Parameters, method: str = "GET", body: bytes | None = None) -> Request:
        query = f"?{urlencode(parameters)}" if parameters else ""
        headers = {"Accept": "application/json"} | ({"Content-Type": "application/json"} if body is not None else {})
        request = Request(self.url + path + query, body, headers, method=method)  # noqa: S310 - checked_url
        if self._access.token is not None:
            request.add_unredirected_header("Authorization", f"Bearer {self._access.token}")
        return request

    def _opened(self, request: Request, timeout_s: float) -> HTTPResponse:
        try:
            response: HTTPResponse = self._opener.open(request, timeout=timeout_s)
        except HTTPError as error:
            with error:
                raise self._refusal(error) from None
        except (URLError, OSError, HTTPException) as error:
            raise self._unreachable(error) from None
        return response

    def _body(self, response: HTTPResponse, deadline: float, timeout_s: float) -> bytes:
        pieces, length = [], 0
        while piece := response.read1(1 << 16):
            pieces.append(piece)
            length += len(piece)
            if length > self._largest_bytes:
                raise self._strange(f"more than {self._largest_bytes >> 20} MiB")
            if time.monotonic() > deadline:
                raise TimeoutError(f"not done after {timeout_s:g} s")
        if response.length:
            raise IncompleteRead(b"", response.length)
        return b"".join(pieces)

    def _refusal(self, error: HTTPError) -> Failure:
        if error.code in (401, 403):
            return self._not_permitted(error.code)
        if 300 <= error.code < 400:
            where = escape(str(error.headers.get("Location", "nowhere"))[:200])
            return Failure(Exit.REFUSED, f"{self.url} sends us on to {where}", "Name the right address with --url.")
        others = _others(error) if error.code == 404 else ""
        try:
            body = error.read(1 << 16)
            with suppress(ValidationError):
                raise Unanswered(QueryProblem.model_validate_json(body))
            with suppress(ValidationError):  # as Alertmanager's API answers
                return Failure(Exit.REFUSED, escape(TypeAdapter(str).validate_json(body)), others)
            problem = Problem.model_validate_json(body).error
        except (ValidationError, OSError, HTTPException):
            if others:
                return Failure(Exit.REFUSED, "there is nothing of that name or number", others)
            return self._strange(f"HTTP status {error.code}")
        fields = [f"{name}: {text}" for name, text in (problem.field_errors or {}).items()]
        told = [problem.message, *(text for text in fields if text not in problem.message)]
        return Failure(Exit.REFUSED, "\n".join(escape(text) for text in told), others)

    def _not_permitted(self, status: int) -> Failure:
        if self._access.token is None:
            return Failure(
                Exit.NOT_PERMITTED,
                f"{self.url} wants a token, and there is none for it here",
                "Run `netmon login`, or name the token's file with --token-file.",
            )
        if status == 403:
            return Failure(
                Exit.NOT_PERMITTED,
                f"the token from {self._access.token_from} does not permit this",
                "Make one that does with `netmon token new --admin`, and name its file with --token-file.",
            )
        return Failure(
            Exit.NOT_PERMITTED,
            f"{self.url} does not accept the token from {self._access.token_from}",
            "Run `netmon login` with a token of this collector.",
        )

    def _unreachable(self, error: Exception) -> Failure:
        reason = error.reason if isinstance(error, URLError) else error
        if isinstance(reason, ssl.SSLCertVerificationError):
            return Failure(
                Exit.UNREACHABLE,
                f"the certificate of {self.url} is not accepted: {escape(reason.verify_message)}",
                "For one of an authority of your own, name the authority's file in SSL_CERT_FILE.",
            )
        said = escape(str(getattr(reason, "strerror", None) or reason) or type(reason).__name__)
        return Failure(
            Exit.UNREACHABLE,
            f"no collector answers at {self.url} ({said})",
            "Start one with `netmon up`, or name another with --url.",
        )

    def _strange(self, what: str) -> Failure:
        return Failure(
            Exit.REFUSED, f"{self.url} does not answer as netmon's collector does ({what})", "Is the URL right?"
        )


def _others(error: HTTPError) -> str:
    """Which command lists what there is of the kind that was not found."""
    path = urlsplit(error.url or "").path
    command = next((told for start, told in _LISTS.items() if path.startswith(start)), None)
    return f"`{command}` shows what there is." if command else ""


def _pointed(problem: QueryProblem, expression: str) -> str:
    """What is wrong with an expression, below it a caret at the place, where the collector names one."""
    said = problem.error.removeprefix('invalid parameter "query": ')
    found = _PLACE.fullmatch(said)
    lines = expression.split("\n")
    if found is None or not 1 <= int(found[1]) <= len(lines):
        return escape(said)
    line = lines[int(found[1]) - 1]
    before = line.encode(errors="replace")[: int(found[2]) - 1].decode(errors="ignore")  # columns are told in bytes
    return f"{escape(found[3])}\n{escape(line)}\n{' ' * width(escape(before))}^"


def _refuse(constant: str) -> float:
    """NaN and Infinity are Python's, not JSON's (RFC 8259, section 6)."""
    raise ValueError(constant)


class _NoRedirect(HTTPRedirectHandler):
    """A token is for one server: another one named by an answer doesn't get it."""

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> None:
        return None


def _opener(url: str) -> OpenerDirector:
    proxies = ProxyHandler({}) if is_loopback(urlsplit(url).hostname or "") else ProxyHandler()
    return build_opener(proxies, _NoRedirect, HTTPSHandler(context=ssl.create_default_context()))
