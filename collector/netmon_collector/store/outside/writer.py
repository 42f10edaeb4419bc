"""Writes lines to a server with influxdb-client, which takes its time to load: only who writes so imports this."""

from collections.abc import Mapping

from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.client.write_api import SYNCHRONOUS
from influxdb_client.domain.write_precision import WritePrecision
from influxdb_client.rest import ApiException
from urllib3.exceptions import HTTPError

from netmon_collector.store.base import StoreError
from netmon_collector.store.outside.http import ANSWER_S, CONNECT_S, Access, reason, refusal


class V2Writer:
    """Writes lines by the v2 API of InfluxDB, which VictoriaMetrics has too, or by that of InfluxDB 1."""

    def __init__(self, base_url: str, access: Access, *, org: str = "-", bucket: str = "-") -> None:
        self._base_url = base_url
        self._org, self._bucket = org, bucket
        self._client = InfluxDBClient(
            base_url,
            org=org,
            timeout=(CONNECT_S * 1000, ANSWER_S * 1000),
            ssl_ca_cert=access.ca_file,
        )
        if access.authorization:
            self._client.api_client.set_default_header("Authorization", access.authorization)
        self._writer = self._client.write_api(write_options=SYNCHRONOUS)

    def write(self, lines: bytes) -> None:
        """By /api/v2/write. Raises StoreError, Rejected."""
        try:
            self._writer.write(self._bucket, self._org, lines, WritePrecision.MS)  # type: ignore[arg-type] # text, as theirs is
        except (ApiException, HTTPError) as error:
            raise self._told(error) from None

    def write_v1(self, lines: bytes, fields: Mapping[str, str]) -> None:
        """By /write. Raises StoreError, Rejected."""
        try:
            self._client.api_client.call_api(
                "/write",
                "POST",
                query_params=[*fields.items(), ("precision", "ms")],
                header_params={"Content-Type": "text/plain; charset=utf-8"},
                body=lines,
                auth_settings=[],
            )
        except (ApiException, HTTPError) as error:
            raise self._told(error) from None

    def _told(self, error: Exception) -> StoreError:
        if isinstance(error, ApiException):
            return refusal(self._base_url, error.status, str(error.body or error.reason))
        return StoreError(f"{self._base_url} does not answer: {reason(error)}")

    def close(self) -> None:
        self._client.close()
