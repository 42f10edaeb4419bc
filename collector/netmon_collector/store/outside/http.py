"""Requests to a server: bounded in time and size, without redirects, and with its credentials in no message."""

import re
import ssl
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlencode

import urllib3
from urllib3.exceptions import HTTPError

from netmon_collector.store.base import StoreError
from netmon_collector.store.outside.base import Rejected

ANSWER_BYTES: Final = 1 << 30
"""No answer may be larger."""
_PART_BYTES: Final = 256 << 20
_LINE_END: Final = re.compile(rb"\n")
CONNECT_S: Final = 5.0
ANSWER_S: Final = 30.0
_READ_BYTES: Final = 1 << 20
_FOR_GOOD: Final = (400, 413, 422)
"""Statuses that say that these very lines are not taken; all others may pass."""


@dataclass(frozen=True, slots=True)
class Access:
    """How to be let in. `authorization` is the header's value; `ca_file` replaces the system's authorities."""

    authorization: str | None = field(default=None, repr=False)
    ca_file: str | None = None


class Http:
    """One server's queries. Safe for several threads."""

    def __init__(self, base_url: str, access: Access) -> None:
        self._base_url = base_url
        self._headers = {"Authorization": access.authorization} if access.authorization else {}
        context = ssl.create_default_context(cafile=access.ca_file) if base_url.startswith("https:") else None
        self._pool = urllib3.PoolManager(
            maxsize=8,
            retries=False,
            timeout=urllib3.Timeout(connect=CONNECT_S, read=ANSWER_S),
            ssl_context=context,
        )

    def get(self, path: str) -> bytes:
        """An answer as a whole. Raises StoreError."""
        return b"".join(self._stream("GET", path))

    def post(self, path: str, fields: Mapping[str, str]) -> bytes:
        """An answer to a form as a whole. Raises StoreError."""
        return b"".join(self._stream("POST", path, fields))

    def status(self, method: str, path: str) -> int:
        """The status of an answer, whatever it is. Raises StoreError."""
        try:
            return self._pool.request(method, self._base_url + path, headers=self._headers).status
        except HTTPError as error:
            raise StoreError(f"{self._base_url} does not answer: {reason(error)}") from None

    def lines(self, path: str, fields: Mapping[str, str]) -> Generator[bytes]:
        """The lines of an answer to a form, as they come. Raises StoreError."""
        return self.parts(path, fields, _LINE_END)

    def parts(self, path: str, fields: Mapping[str, str], mark: re.Pattern[bytes]) -> Generator[bytes]:
        """What is between the marks in an answer to a form, as it comes, but for what is empty. Raises StoreError."""
        rest = b""
        for data in self._stream("POST", path, fields):
            *whole, rest = mark.split(rest + data)
            yield from filter(None, whole)
            if len(rest) > _PART_BYTES:
                raise StoreError(f"{self._base_url} answers with a part of more than {_PART_BYTES} bytes")
        if rest:
            yield rest

    def _stream(self, method: str, path: str, fields: Mapping[str, str] | None = None) -> Iterator[bytes]:
        form = {"Content-Type": "application/x-www-form-urlencoded"} if fields else {}
        size_bytes = 0
        try:
            answer = self._pool.request(
                method,
                self._base_url + path,
                body=urlencode(fields) if fields else None,
                headers={**self._headers, **form},
                preload_content=False,
            )
            try:
                if answer.status >= 300:
                    raise refusal(self._base_url, answer.status, answer.read(1000).decode(errors="replace"))
                for data in answer.stream(_READ_BYTES):
                    size_bytes += len(data)
                    if size_bytes > ANSWER_BYTES:
                        raise StoreError(f"{self._base_url} answers more than {ANSWER_BYTES} bytes: ask for less")
                    yield data
                answer.release_conn()
            finally:
                answer.close()
        except HTTPError as error:
            raise StoreError(f"{self._base_url} does not answer: {reason(error)}") from None

    def close(self) -> None:
        self._pool.clear()


def refusal(base_url: str, status: int, text: str) -> StoreError:
    """What a status other than success means."""
    kind = Rejected if status in _FOR_GOOD else StoreError
    return kind(f"{base_url} answers {status}: {text.strip()[:300]}")


def reason(error: Exception) -> str:
    """An error without the addresses of Python objects that urllib3 puts into its messages."""
    text = str(error)
    return text.rsplit(">: ", 1)[-1] if ">: " in text else text or type(error).__name__
