"""A server that takes remote write. Bounded in time, without redirects, and with its credentials in no message."""

import ssl
from collections.abc import Mapping
from typing import Final

import cramjam
import urllib3
from urllib3.exceptions import HTTPError

from netmon_collector.store.base import StoreError
from netmon_collector.store.outside.http import Access, reason, refusal

_CONNECT_S: Final = 5.0
_ANSWER_S: Final = 30.0
_TOLD_BYTES: Final = 1000
_HEADERS: Final = {
    "Content-Type": "application/x-protobuf",
    "Content-Encoding": "snappy",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
    "User-Agent": "netmon",
}


class RemoteWriteTarget:
    """One URL; see outside.drain.Receiver. What it has confirmed, it has."""

    hold_s = 0.0

    def __init__(self, url: str, access: Access, headers: Mapping[str, str]) -> None:
        self._url = url
        authorization = {"Authorization": access.authorization} if access.authorization else {}
        self._headers = {**headers, **_HEADERS, **authorization}
        context = ssl.create_default_context(cafile=access.ca_file) if url.startswith("https:") else None
        self._pool = urllib3.PoolManager(
            retries=False, timeout=urllib3.Timeout(connect=_CONNECT_S, read=_ANSWER_S), ssl_context=context
        )

    def check(self) -> str:
        """Nothing can be asked before something is written."""
        return ""

    def write(self, lines: bytes) -> None:
        """Sends messages as one request. Raises Rejected, or StoreError for what may pass."""
        body = bytes(cramjam.snappy.compress_raw(lines))
        try:
            answer = self._pool.request(
                "POST", self._url, body=body, headers=self._headers, redirect=False, preload_content=False
            )
            try:
                told = answer.read(_TOLD_BYTES).decode(errors="replace")
                answer.drain_conn()
            finally:
                answer.release_conn()
        except HTTPError as error:
            raise StoreError(f"{self._url} does not answer: {reason(error)}") from None
        if answer.status >= 300:
            raise refusal(self._url, answer.status, told)

    def close(self) -> None:
        self._pool.clear()
