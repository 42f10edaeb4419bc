"""DNS: a real server, and ones that answer badly."""

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from netmon_agent.inputs.checks.base import CannotCheck
from netmon_agent.inputs.checks.dns import DnsInput
from tests.fuzz.checks import DNS, dns_answer
from tests.support.checks import values_of
from tests.support.fuzzing import fuzz
from tests.support.peers import unbound
from tests.support.udp import answering
from tests.support.web import certificates, saying, speaking

Found = dict[str, float]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unbound")
    certificates(folder)
    return folder


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[tuple[int, int]]:
    with unbound(folder) as ports:
        yield ports


async def asked(port: int, query: str = "www.example.test", **options: Any) -> tuple[Found, str | None]:
    one = DnsInput(type="dns", host="127.0.0.1", port=port, query=query, **options)
    (found,) = (await values_of(one)).values()
    return found, one.trouble


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
async def test_a_name_is_found_by_every_transport(server: tuple[int, int], folder: Path, transport: str) -> None:
    found, trouble = await asked(
        server[transport == "tls"], transport=transport, tls={"ca_file": folder / "ca.pem", "server_name": "localhost"}
    )
    assert trouble is None
    assert (found["probe_success"], found["probe_dns_query_succeeded"], found["probe_dns_answer_rrs"]) == (1, 1, 2)
    assert found['probe_dns_duration_seconds{phase="request"}'] > 0
    assert ("probe_ssl_earliest_cert_expiry" in found) == (transport == "tls")


async def test_a_certificate_that_is_not_trusted_is_down(server: tuple[int, int]) -> None:
    found, trouble = await asked(server[1], transport="tls")
    assert (found["probe_success"], "certificate verify failed" in str(trouble)) == (0, True)


@pytest.mark.parametrize(
    ("query", "options", "told"),
    [
        ("www.example.test", {"expect": [r"\tA\t192\.0\.2\.7$", r"192\.0\.2\.8"], "reject": ["198[.]51"]}, None),
        (
            "www.example.test",
            {"expect": ["192[.]0[.]2[.]9"]},
            "no record of the answer matches '192[.]0[.]2[.]9' (expect)",
        ),
        ("www.example.test", {"reject": ["192[.]0"]}, "a record of the answer matches '192[.]0' (reject)"),
        ("no.example.test", {}, "the server answers NXDOMAIN"),
        ("no.example.test", {"rcodes": ["NXDOMAIN"]}, None),
        ("text.example.test", {"record": "TXT", "expect": ['^text.example.test.\t60\tIN\tTXT\t"hello world"$']}, None),
        ("example.test", {"record": "MX", "expect": ["10 mail"]}, None),
    ],
)
async def test_answers_are_judged(
    server: tuple[int, int], query: str, options: dict[str, Any], told: str | None
) -> None:
    found, trouble = await asked(server[0], query, **options)
    assert (found["probe_success"], trouble) == (float(told is None), told)


async def test_the_serial_of_a_zone_is_told(server: tuple[int, int]) -> None:
    found, _ = await asked(server[0], "example.test", record="SOA")
    assert found["probe_dns_serial"] == 2024010101


async def test_silence_and_refusal_are_down() -> None:
    async with answering(lambda *_: []) as port:
        found, trouble = await asked(port, timeout_s=0.2)
        assert (found["probe_success"], trouble) == (0, "no answer within 0.2 s")
    found, trouble = await asked(port)
    assert (found["probe_dns_query_succeeded"], trouble) == (0, "Connection refused")


async def test_an_answer_from_another_address_is_not_taken() -> None:
    good = DNS[2:]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.2", 0))

        def forge(question: bytes, client: Any) -> list[bytes]:
            other.sendto(question[:2] + good, client)
            return []

        async with answering(forge) as port:
            forged, trouble = await asked(port, record="ANY", timeout_s=0.2)
    async with answering(lambda question, _: [question[:2] + good]) as port:
        found, _ = await asked(port, record="ANY")
    assert (forged["probe_success"], trouble) == (0, "no answer within 0.2 s")
    assert found["probe_success"] == 1


async def test_answers_to_other_questions_are_left_out_but_not_without_end() -> None:
    async with answering(lambda question, _: [b"\0\0" + DNS[2:], question[:2] + DNS[2:]]) as port:
        assert (await asked(port, record="ANY"))[1] is None
        assert (await asked(port, "other.test", timeout_s=0.2))[1] == "no answer within 0.2 s"
    async with answering(lambda question, _: [b"\0" * 20] * 100) as port:
        assert (await asked(port))[1] == "64 answers were to something else"


@pytest.mark.parametrize(
    ("tail", "told"),
    [
        (b"", "what answers does not speak DNS"),
        (b"\x81\x80" + b"\0\1" * 300, "what answers does not speak DNS"),
        (b"\xff" * 600, "the answer has more than 500 records"),
    ],
)
async def test_what_is_no_dns_is_down_and_told(tail: bytes, told: str) -> None:
    async with answering(lambda question, _: [question[:2] + tail]) as port:
        assert (await asked(port))[1] == told


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (b"", "the connection ended without an answer"),
        (b"\xff\xff" + b"x" * 100, "the answer is cut off"),
        (b"\0\4abcd", "the answer is to another question"),
    ],
)
async def test_streams_that_are_no_dns_are_down_and_told(said: bytes, told: str) -> None:
    async with speaking(saying(said, asked=b"")) as port:
        assert (await asked(port, transport="tcp"))[1] == told


async def test_a_slow_drip_is_down_after_the_timeout() -> None:
    async with speaking(saying(*[b"\1"] * 1000, asked=b"", pause_s=0.01)) as port:
        found, trouble = await asked(port, transport="tcp", timeout_s=0.2)
    assert (found["probe_success"], trouble) == (0, "no answer within 0.2 s")


def test_damaged_answers_are_read_or_refused() -> None:
    assert fuzz(dns_answer, 1.0, 3, 1_000).inputs > 100


async def test_a_name_that_cannot_be_asked_for_is_an_error() -> None:
    with pytest.raises(CannotCheck, match="cannot be asked for"):
        await asked(1, ".".join(["".join(chr(0x4E00 + 911 * one) for one in range(20))] * 8))


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"query": "a..b"}, "labels of 1 to 63 bytes"),
        ({"query": "a", "record": "XX"}, "Input should be 'A'"),
        ({"query": "a", "expect": ["("]}, "must be a regular expression"),
        ({"query": "a", "rcodes": []}, "at least 1 item"),
    ],
)
def test_mistakes_are_told(options: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        DnsInput(type="dns", host="a", **options)


async def test_checks_of_one_server_do_not_wait_for_each_other(server: tuple[int, int]) -> None:
    found = await asyncio.gather(*(asked(server[0]) for _ in range(50)))
    assert [one["probe_success"] for one, _ in found] == [1.0] * 50
