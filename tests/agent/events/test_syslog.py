"""Lines of syslog, well-formed or not, over each way that they take, become events."""

import asyncio
import shutil
import socket
import ssl
from pathlib import Path

import pytest
import trustme

from netmon_agent.receivers.framing import BadFraming, Frames
from netmon_agent.receivers.syslog import LONGEST_LINE, event_of
from netmon_proto.model import Severity
from tests.support.receiving import figures, receiving, send

MODERN = (
    "<165>1 2003-10-11T22:14:15.003Z mymachine.example.com evntslog - ID47 "
    '[exampleSDID@32473 iut="3" eventSource="App \\"x\\""][b c="d"] \ufeffAn application event'
)
needs_logger = pytest.mark.skipif(shutil.which("logger") is None, reason="needs Debian's package bsdutils")


@pytest.mark.parametrize(
    ("line", "kind", "severity", "text", "fields"),
    [
        (
            "<34>Oct 11 22:14:15 mymachine su: 'su root' failed for lonvick on /dev/pts/8",
            "auth", Severity.CRITICAL, "su: 'su root' failed for lonvick on /dev/pts/8",
            {"timestamp": "Oct 11 22:14:15", "hostname": "mymachine", "app": "su"},
        ),
        (
            MODERN,
            "local4", Severity.NOTICE, "evntslog: An application event",
            {
                "timestamp": "2003-10-11T22:14:15.003Z", "hostname": "mymachine.example.com", "app": "evntslog",
                "msgid": "ID47", "exampleSDID@32473.iut": "3", "exampleSDID@32473.eventSource": 'App "x"', "b.c": "d",
            },
        ),
        (
            "<189>45: sw1: *Mar  1 00:01:02.123: %LINK-3-UPDOWN: Interface Gi0/1, changed state to down",
            "local7", Severity.NOTICE, "%LINK-3-UPDOWN: Interface Gi0/1, changed state to down",
            {"timestamp": "Mar  1 00:01:02.123", "hostname": "sw1", "app": "%LINK-3-UPDOWN"},
        ),
        ("<14>1 - - - - - -", "user", Severity.INFO, "", {}),
        ("no priority at all", "user", Severity.NOTICE, "no priority at all", {}),
        ("<999>1 - - - - - - x", "user", Severity.NOTICE, "<999>1 - - - - - - x", {}),
        ("<30>sshd[123]: hello", "daemon", Severity.INFO, "sshd: hello", {"app": "sshd", "pid": "123"}),
        ("<14>1 - h a - - [open x=1 half", "user", Severity.INFO, "a: [open x=1 half", {"hostname": "h", "app": "a"}),
        (
            "<29>1 2026-11-21T20:00:00Z mx1 mgd 77 UI_LOGOUT [junos@2636 username=\"ada\"]",
            "daemon", Severity.NOTICE, "mgd: UI_LOGOUT junos@2636.username=ada",
            {
                "timestamp": "2026-11-21T20:00:00Z", "hostname": "mx1", "app": "mgd", "pid": "77", "msgid": "UI_LOGOUT",
                "junos@2636.username": "ada",
            },
        ),
        ("<14>1 - h a - - -", "user", Severity.INFO, "a", {"hostname": "h", "app": "a"}),
    ],
)  # fmt: skip
def test_a_line_is_read(line: str, kind: str, severity: Severity, text: str, fields: dict[str, str]) -> None:
    event = event_of(line.encode(), "192.0.2.1", 7)
    assert (event.kind, event.severity, event.text, event.fields) == (kind, severity, text, fields)
    assert (event.time_ms, event.source, event.address) == (7, "syslog", "192.0.2.1")


@pytest.mark.parametrize(
    ("line", "hostname", "timestamp", "text"),
    [
        (
            "<189>: 2026 Nov 21 20:01:02 UTC: %ETHPORT-5-IF_DOWN: down",
            None, "2026 Nov 21 20:01:02 UTC", "%ETHPORT-5-IF_DOWN: down",
        ),
        (
            "<187>9: RP/0/RSP0/CPU0:Nov 21 20:01:02.123 UTC: ifmgr[7]: %IFMGR-3-DOWN : down",
            None, "Nov 21 20:01:02.123 UTC", "ifmgr: %IFMGR-3-DOWN : down",
        ),
        (
            "<187>9: core LC/0/1/CPU0:Nov 21 20:01:02.123 : ifmgr[7]: %IFMGR-3-DOWN : down",
            "core", "Nov 21 20:01:02.123", "ifmgr: %IFMGR-3-DOWN : down",
        ),
        (
            "<188>Nov 21 2026 20:01:02+08:00 ar1 %%01IFNET/4/LINK_STATE(l)[1]:down",
            "ar1", "Nov 21 2026 20:01:02+08:00", "%%01IFNET/4/LINK_STATE(l)[1]:down",
        ),
        (
            "<190>Nov 21 20:01:02 2026 h3c %%10SHELL/6/SHELL_CMD: save",
            "h3c", "Nov 21 20:01:02 2026", "%%10SHELL/6/SHELL_CMD: save",
        ),
        (
            "<166>Nov 21 2026 20:01:02 asa1 : %ASA-6-302013: Built",
            "asa1", "Nov 21 2026 20:01:02", "%ASA-6-302013: Built",
        ),
        (
            "<14> Nov 21 20:01:02 192.0.2.9 00076 ports: port 1 is now on-line",
            "192.0.2.9", "Nov 21 20:01:02", "00076 ports: port 1 is now on-line",
        ),
        (
            "<14>Nov 21 20:01:02 WEB app: hello",
            "WEB", "Nov 21 20:01:02", "app: hello",
        ),
        (
            "<14>backup Nov 21 20:01:02 done",
            None, None, "backup Nov 21 20:01:02 done",
        ),
    ],
)  # fmt: skip
def test_the_forms_of_vendors_tell_time_and_host(
    line: str, hostname: str | None, timestamp: str | None, text: str
) -> None:
    event = event_of(line.encode(), "192.0.2.1", 7)
    assert (event.fields.get("hostname"), event.fields.get("timestamp"), event.text) == (hostname, timestamp, text)


def test_bytes_that_are_no_text_are_kept_as_latin_1_and_without_nul() -> None:
    event = event_of(b"<14>caf\xe9\0 is \x1b[31mopen\n", "192.0.2.1", 0)
    assert event.text == "café is \x1b[31mopen"


def test_frames_are_counted_or_end_with_a_newline_however_they_are_cut() -> None:
    stream = b"11 <14>hello\nx<14>two\n<14>three\r\n5 apples\n\n6 <14>\xc3\xa9"
    wanted = [b"<14>hello\nx", b"<14>two", b"<14>three\r", b"5 apples", b"<14>\xc3\xa9"]
    for step in (1, 2, 3, 7, 100):
        frames = Frames()
        found = [one for at in range(0, len(stream), step) for one in frames.feed(stream[at : at + step])]
        assert found == wanted


def test_a_line_without_end_is_cut_and_skipped() -> None:
    frames = Frames()
    found = [one for _ in range(40) for one in frames.feed(b"x" * 8192)]
    found += frames.feed(b"end\n<14>next\n")
    assert [len(one) for one in found] == [LONGEST_LINE, 8]


def test_a_count_beyond_all_bounds_ends_the_conversation() -> None:
    with pytest.raises(BadFraming, match="at most"):
        Frames().feed(b"99999999 <14>x")


@needs_logger
@pytest.mark.parametrize("form", ["--rfc3164", "--rfc5424"])
@pytest.mark.parametrize("protocol", ["udp", "tcp"])
async def test_what_logger_sends_arrives(tmp_path: Path, form: str, protocol: str) -> None:
    async with receiving(tmp_path, type="syslog", protocol=protocol) as (received, receiver):
        way = ["--server", "127.0.0.1", "--port", str(receiver.port), f"--{protocol}", form]
        done = await send("logger", *way, "--tag", "backup", "--priority", "cron.err", "disk full: 100 %")
        events = await received.until(bool)
    assert done.returncode == 0, done.stderr
    (event,) = events
    assert (event.kind, event.severity, event.text) == ("cron", Severity.ERROR, "backup: disk full: 100 %")
    assert event.fields["hostname"] == socket.gethostname().partition(".")[0]


async def test_lines_come_over_tls_from_those_with_a_certificate(tmp_path: Path) -> None:
    authority = trustme.CA()
    ours, theirs = authority.issue_cert("127.0.0.1"), authority.issue_cert("sw1.example")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    ours.private_key_pem.write_to_path(tmp_path / "key.pem")
    ours.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    tls = {name: str(tmp_path / f"{name.removesuffix('_file')}.pem") for name in ("cert_file", "key_file")}
    tls["client_ca_file"] = str(tmp_path / "ca.pem")
    context = ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))
    async with receiving(tmp_path, type="syslog", protocol="tls", tls=tls) as (received, receiver):
        reader, writer = await asyncio.open_connection("127.0.0.1", receiver.port, ssl=context)
        writer.write(b"<14>nobody\n")
        with pytest.raises((OSError, asyncio.IncompleteReadError)):  # of TLS 1.3, it learns it when it reads
            await reader.readexactly(1)
        theirs.configure_cert(context)
        _, writer = await asyncio.open_connection("127.0.0.1", receiver.port, ssl=context)
        writer.write(b"11 <14>counted<13>with a newline\n")
        await writer.drain()
        events = await received.until(lambda events: len(events) == 2)
        writer.close()
    assert [one.text for one in events] == ["counted", "with a newline"]


async def test_connections_are_bounded_and_what_is_refused_is_counted(tmp_path: Path) -> None:
    async with receiving(tmp_path, type="syslog", protocol="tcp", connections=1) as (received, receiver):
        _, first = await asyncio.open_connection("127.0.0.1", receiver.port)
        first.write(b"<14>one\n")
        await received.until(bool)
        reader, second = await asyncio.open_connection("127.0.0.1", receiver.port)
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await reader.readexactly(1)
        refused = (await figures(receiver))["full"]
        first.close()
        second.close()
    assert refused == 1


async def test_a_port_that_is_taken_is_told_and_tried_again(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(OSError, match="another program does"):
            async with receiving(tmp_path, type="syslog", listen=place):
                pass
    async with receiving(tmp_path, type="syslog", listen=place) as (_, receiver):
        assert f"127.0.0.1:{receiver.port}" == place
