"""What a command says when the collector is not there, doesn't permit, or answers something strange."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from netmon_cli.access import Access
from netmon_cli.client import Client
from netmon_cli.failure import Exit, Failure
from tests.cli.conftest import Netmon
from tests.cli.fake_collector import TOKEN, FakeCollector, device, status

COMMANDS = [["status"], ["devices"], ["devices", "web1"], ["query", "up"], ["top", "--once"]]
COMMANDS += [[*command, "--json"] for command in COMMANDS]


@contextmanager
def speaking(*pieces: bytes, hold: bool = False) -> Iterator[str]:
    """A server that answers one connection with given bytes, then closes it, or holds it open."""
    released = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                for piece in pieces:
                    connection.sendall(piece)
                if hold:
                    released.wait(10)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}"
        finally:
            released.set()
            thread.join()


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_collector_that_is_not_there_is_exit_code_3(netmon: Netmon, command: list[str]) -> None:
    ended = netmon(*command, "--url", "http://127.0.0.1:1")
    assert (ended.code, ended.out) == (3, "")
    assert ended.err == (
        "netmon: no collector answers at http://127.0.0.1:1 (Connection refused)\n"
        "  Start one with `netmon up`, or name another with --url.\n"
    )


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_wrong_token_is_exit_code_4(
    netmon: Netmon, collector: FakeCollector, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    monkeypatch.setenv("NETMON_TOKEN", "nmt_wrong")
    ended = netmon(*command)
    assert (ended.code, ended.out) == (4, "")
    assert ended.err == (
        f"netmon: {collector.url} does not accept the token from NETMON_TOKEN\n"
        "  Run `netmon login` with a token of this collector.\n"
    )


def test_no_token_is_exit_code_4(netmon: Netmon, collector: FakeCollector, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NETMON_TOKEN")
    ended = netmon("status")
    assert ended.code == 4
    assert ended.err == (
        f"netmon: {collector.url} wants a token, and there is none for it here\n"
        "  Run `netmon login`, or name the token's file with --token-file.\n"
    )


def test_what_a_token_does_not_permit_is_exit_code_4(netmon: Netmon, collector: FakeCollector) -> None:
    collector.replaced["/api/v1/status"] = (403, {}, b"")
    ended = netmon("status")
    assert ended.code == 4
    assert ended.err == (
        "netmon: the token from NETMON_TOKEN does not permit this\n"
        "  Make one that does with `netmon token new --admin`, and name its file with --token-file.\n"
    )


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"\xff\xfe",
        b"[]",
        b"null",
        b"NaN",
        b'{"count": 1, "results": [{}], "next": null}',
        b"[" * 100_000,
        json.dumps(status([]) | {"now": "2026-01-31T12:00:00"}).encode(),
        json.dumps(status([]) | {"store": 3, "\x1b[31m": 1}).encode(),
    ],
)
@pytest.mark.parametrize("path", ["/api/v1/status", "/api/v1/devices", "/prometheus/api/v1/query"])
def test_an_answer_that_is_not_netmons_is_exit_code_5(
    netmon: Netmon, collector: FakeCollector, body: bytes, path: str
) -> None:
    collector.replaced[path] = (200, {}, body)
    command = path.rpartition("/")[2]
    ended = netmon(command, *(["up"] if command == "query" else []))
    assert (ended.code, ended.out) == (5, "")
    assert ended.err.startswith(f"netmon: {collector.url} does not answer as netmon's collector does (")
    assert ended.err.endswith(")\n  Is the URL right?\n")
    assert "\x1b" not in ended.err


def test_a_failure_of_the_collector_is_exit_code_5_with_its_words(netmon: Netmon, collector: FakeCollector) -> None:
    error = {"code": "unavailable", "message": "the disk is full\x1b[0m", "field_errors": None}
    collector.replaced["/api/v1/status"] = (503, {}, json.dumps({"error": error}).encode())
    ended = netmon("status")
    assert (ended.code, ended.err) == (5, "netmon: the disk is full\\x1b[0m\n")


def test_what_alertmanagers_api_refuses_is_told_in_its_words(netmon: Netmon, collector: FakeCollector) -> None:
    collector.replaced["/alertmanager/api/v2/alerts"] = (400, {}, b'"bad matcher format: \\u001b[0m"')
    ended = netmon("alerts", "nonsense")
    assert (ended.code, ended.err) == (5, "netmon: bad matcher format: \\x1b[0m\n")


@pytest.mark.parametrize("body", [b"", b"Bad Gateway", b'{"error": "no"}'])
def test_a_failure_without_words_gives_its_number(netmon: Netmon, collector: FakeCollector, body: bytes) -> None:
    collector.replaced["/api/v1/status"] = (502, {}, body)
    ended = netmon("status")
    assert ended.code == 5
    assert "(HTTP status 502)" in ended.err


@pytest.mark.parametrize(
    "answer",
    [b"", b"SSH-2.0-OpenSSH\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"],
    ids=["closes", "speaks something else", "breaks off"],
)
def test_a_broken_connection_is_exit_code_3(netmon: Netmon, answer: bytes) -> None:
    with speaking(answer) as url:
        ended = netmon("status", "--url", url)
    assert ended.code == 3
    assert ended.err.startswith(f"netmon: no collector answers at {url} (")
    assert "()" not in ended.err


def test_a_collector_that_never_answers_is_given_up() -> None:
    with speaking(hold=True) as url, pytest.raises(Failure, match="timed out") as caught:
        Client(Access(url, None, ""), timeout_s=0.1).status()
    assert caught.value.exit_code is Exit.UNREACHABLE


def test_an_answer_that_drips_is_given_up() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
    with speaking(head, b" ", b" ", hold=True) as url, pytest.raises(Failure) as caught:
        Client(Access(url, None, ""), timeout_s=0.1).status()
    assert caught.value.exit_code is Exit.UNREACHABLE


def test_an_answer_without_end_is_not_kept(collector: FakeCollector) -> None:
    collector.replaced["/api/v1/status"] = (200, {}, b" " * (3 << 20))
    with pytest.raises(Failure, match="more than 2 MiB") as caught:
        Client(Access(collector.url, TOKEN, ""), largest_bytes=2 << 20).status()
    assert caught.value.exit_code is Exit.REFUSED


def test_fields_that_are_new_do_not_matter(netmon: Netmon, collector: FakeCollector) -> None:
    collector.devices = [device("web1", colour="blue", agent={"shoe": 43})]
    assert netmon("devices").code == 0


def test_a_silence_ends_before_the_calendar_does(netmon: Netmon, collector: FakeCollector) -> None:
    ended = netmon("silence", "add", "instance=web1", "--for", "99999999999d")
    assert ended.code == 2
    assert "Invalid value for --for: must be 1s to 36600d (got 99999999999d)" in ended.err
