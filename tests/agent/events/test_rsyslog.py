"""What Debian's rsyslogd forwards is taken as it was written, by each of its ways."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import trustme

from netmon_proto.model import Severity
from tests.support.receiving import receiving, send
from tests.support.rsyslog import rsyslogd

pytestmark = pytest.mark.skipif(shutil.which("rsyslogd") is None, reason="needs Debian's package rsyslog")

OLD, NEW = 'template="RSYSLOG_TraditionalForwardFormat"', 'template="RSYSLOG_SyslogProtocol23Format"'
COUNTED = 'TCP_Framing="octet-counted"'
TLS = 'StreamDriver="gtls" StreamDriverMode="1" StreamDriverAuthMode="x509/name" StreamDriverPermittedPeers="127.0.0.1"'
WITH_TLS = pytest.mark.skipif(
    not list(Path("/usr/lib").glob("*/rsyslog/lmnsd_gtls.so")), reason="needs Debian's package rsyslog-gnutls"
)


@pytest.mark.parametrize(
    ("protocol", "action"),
    [
        ("udp", f'Protocol="udp" {OLD}'),
        ("udp", f'Protocol="udp" {NEW}'),
        ("tcp", f'Protocol="tcp" {OLD}'),
        ("tcp", f'Protocol="tcp" {NEW} {COUNTED}'),
        pytest.param("tls", f'Protocol="tcp" {NEW} {COUNTED} {TLS}', marks=WITH_TLS),
        pytest.param("tls", f'Protocol="tcp" {OLD} {TLS}', marks=WITH_TLS),
    ],
)
async def test_lines_arrive_as_they_were_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, protocol: str, action: str
) -> None:
    authority = trustme.CA()
    options: dict[str, Any] = {}
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    if protocol == "tls":
        certificate = authority.issue_cert("127.0.0.1", common_name="127.0.0.1")
        certificate.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
        monkeypatch.setenv("SYSLOG_KEY", certificate.private_key_pem.bytes().decode())
        options["tls"] = {"cert_file": str(tmp_path / "cert.pem"), "key_env": "SYSLOG_KEY"}
    lines = ["disk full: 100 %", "ünïcode", "x" * 2_000]
    async with receiving(tmp_path, type="syslog", protocol=protocol, **options) as (received, receiver):
        with rsyslogd(tmp_path, receiver.port, action, tmp_path / "ca.pem" if protocol == "tls" else None) as place:
            for line in lines:
                done = await send(
                    "logger", "--size", "8k", "-u", str(place), "--tag", "backup", "--priority", "cron.err", line
                )
                assert done.returncode == 0, done.stderr
            events = await received.until(lambda events: len(events) == 3)
    assert [one.text for one in events] == [f"backup: {line}" for line in lines]
    assert {(one.source, one.kind, one.severity) for one in events} == {("syslog", "cron", Severity.ERROR)}
    assert {one.fields.get("app") for one in events} == {"backup"}
