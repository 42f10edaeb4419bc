"""Random answers to the checks: each is read or refused with a reason, in bounded time and memory.

python tests/fuzz/checks.py [SECONDS [SEED]]
"""

import asyncio
import random
from collections.abc import Awaitable, Callable

import dns.message
import dns.rrset
from h2.config import H2Configuration
from h2.connection import H2Connection

from netmon_agent.inputs.checks import http2
from netmon_agent.inputs.checks.base import Wrong
from netmon_agent.inputs.checks.channel import Channel
from netmon_agent.inputs.checks.dhcp import discover, read_offer
from netmon_agent.inputs.checks.dns import DnsInput, _read, _texts
from netmon_agent.inputs.checks.grpc import state_of, status_of
from netmon_agent.inputs.checks.http.exchange import Place, exchange
from netmon_agent.inputs.checks.ntp import NtpInput, offset_s, read_answer
from tests.support.fuzzing import damaged, main

Work = Callable[[bytes], bool]
QUESTION = dns.message.make_query("www.example.test", "ANY")
DNS_PIECES = [b"\xc0\x0c", b"\xc0\xff", b"\0", b"\xff\xff", b"\x3f", b"\0\x29", b"\0\x10\0\1", b"\x80\x80"]
CHECK = DnsInput(type="dns", host="a", query="www.example.test", record="SOA", expect=["mail"])


def _dns() -> bytes:
    answer = dns.message.make_response(QUESTION)
    for kind, text in {
        "A": "192.0.2.1", "MX": "10 mail.example.test.", "TXT": '"a" "\\255\\000"', "SOA": "a. b. 1 2 3 4 5",
        "HTTPS": "1 . alpn=h2", "CAA": '0 issue "x"', "NAPTR": '1 1 "u" "e" "!x!y!" .', "TLSA": "3 1 0 00ff",
        "SSHFP": "1 1 " + "00" * 20, "SRV": "1 1 1 x.", "DS": "1 8 2 " + "00" * 32,
    }.items():  # fmt: skip
        answer.answer.append(dns.rrset.from_text("www.example.test.", 60, "IN", kind, text))
    return answer.to_wire()


DNS = _dns()


def read_dns(data: bytes) -> bool:
    try:
        answer = _read(data, QUESTION)
        if answer is None:
            return False
        CHECK._about(answer, {"target": "a"})
        assert len(_texts(answer)) <= len(answer.answer)
        CHECK._judge(answer)
    except Wrong as error:
        assert str(error)
        return False
    return True


def dns_answer(rng: random.Random) -> tuple[bytes, Work]:
    if rng.random() < 0.05:
        return DNS[:12] + rng.choice(DNS_PIECES) * rng.choice([10, 1_000, 30_000]), read_dns
    return DNS[:2] + damaged(DNS[2:], rng, DNS_PIECES)[:65_533], read_dns


MARK = b"\x01\x02\xffmark\0"
NTP = bytes.fromhex("240203ec00000a4500000e1a") + b"GPS\0" + b"\xe8\1\0\0\0\0\0\0" + MARK + b"\xe8\2\0\0\0\0\0\0" * 2
CLOCK = NtpInput(type="ntp", host="a", max_stratum=3, max_offset_s=1e9)


def read_ntp(data: bytes) -> bool:
    try:
        answer = read_answer(data, MARK)
        if answer is None:
            return False
        ahead_s = offset_s(answer, 0xE802 << 48, 0xE803 << 48)
        assert abs(ahead_s) < 1 << 32
        CLOCK._judge(answer, ahead_s)
    except Wrong as error:
        assert str(error)
        return False
    return True


def ntp_answer(rng: random.Random) -> tuple[bytes, Work]:
    return damaged(NTP, rng, [MARK, b"\0" * 8, b"\xff" * 8, b"\x24", b"\xe4", b"RATE"]), read_ntp


class Deaf(asyncio.Transport):
    """Takes what is sent, and keeps nothing of it."""

    def write(self, data: object) -> None:
        """Nobody listens."""

    closed = False

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True


HERE = Place.of("https://localhost/page")


async def _answered(said: bytes, ask: Callable[[Channel], Awaitable[object]]) -> bool:
    reader = asyncio.StreamReader(16 << 10)
    reader.feed_data(said)
    reader.feed_eof()
    writer = asyncio.StreamWriter(Deaf(), asyncio.StreamReaderProtocol(reader), None, asyncio.get_running_loop())
    try:
        async with asyncio.timeout(20):
            await ask(Channel(reader, writer, {}))
    except Wrong as error:
        assert str(error)
        return False
    finally:
        writer.close()
    return True


def read_http1(said: bytes) -> bool:
    return asyncio.run(_answered(said, lambda channel: exchange(channel, "GET", HERE, {"a": "b"}, b"", 100_000)))


def read_http2(said: bytes) -> bool:
    pseudo = [(":method", "GET"), (":scheme", "https"), (":authority", "localhost"), (":path", "/")]
    return asyncio.run(_answered(said, lambda channel: http2.ask(channel, pseudo, {}, b"", 100_000)))


HTTP1 = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX: \xff\0\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
HTTP1_PIECES = [
    b"\r\n",
    b"\0",
    b"HTTP/1.1 100 x\r\n\r\n",
    b"Content-Length: 5\r\n",
    b"fffffffff",
    b"-1",
    b"\xff\xfe",
    b":",
]


def _http2() -> bytes:
    client, server = H2Connection(), H2Connection(H2Configuration(client_side=False))
    client.initiate_connection()
    client.send_headers(1, [(":method", "GET"), (":scheme", "https"), (":authority", "a"), (":path", "/")], True)
    server.initiate_connection()
    server.receive_data(client.data_to_send())
    server.send_headers(1, [(":status", "200"), ("content-type", "application/grpc"), ("a", "b" * 50)])
    server.send_data(1, b"hello" * 20)
    server.ping(b"12345678")
    server.send_headers(1, [("grpc-status", "0")], end_stream=True)
    return server.data_to_send()


HTTP2 = _http2()
HTTP2_PIECES = [
    b"\0\0\0\4\0\0\0\0\0", b"\0\0\x08\6\0\0\0\0\0pingpong", b"\0\0\4\3\0\0\0\0\1\0\0\0\0", b"\0\0\1\0\1\0\0\0\1x",
    b"\0\0\1\1\4\0\0\0\1\x88", b"\0\0\x08\7\0\0\0\0\0\0\0\0\1\0\0\0\0", b"\0\0\4\x08\0\0\0\0\0\x7f\xff\xff\xff",
]  # fmt: skip


def http1_answer(rng: random.Random) -> tuple[bytes, Work]:
    return damaged(HTTP1, rng, HTTP1_PIECES), read_http1


def http2_answer(rng: random.Random) -> tuple[bytes, Work]:
    if rng.random() < 0.1:
        return HTTP2[:36] + rng.choice(HTTP2_PIECES) * rng.choice([10, 1_000, 10_000]), read_http2
    return damaged(HTTP2, rng, HTTP2_PIECES), read_http2


def read_grpc(data: bytes) -> bool:
    reply = http2.Reply(200, {}, bytearray(data), {"grpc-status": data[:3].decode("latin-1")})
    try:
        assert state_of(reply)
        status_of(reply)
    except Wrong as error:
        assert str(error)
        return False
    return True


def grpc_answer(rng: random.Random) -> tuple[bytes, Work]:
    message = damaged(b"\x08\1\x12\3abc\x1d1234\x2112345678", rng, [b"\xff" * 11, b"\x08", b"\x7a\xff\xff\xff\xff\x0f"])
    return (b"\0" + len(message).to_bytes(4, "big") + message if rng.random() < 0.9 else message), read_grpc


ASKED = discover(b"abcd", b"123456")
OFFER = b"\2" + ASKED[1:240] + b"\x35\1\2\x36\4\x0a\0\0\1\x33\4\0\0\x0e\x10\x0f\4host\xff"


def read_dhcp(data: bytes) -> bool:
    offer = read_offer(data, b"abcd", b"123456", "192.0.2.1")
    assert offer is None or (offer.server and offer.address)
    return offer is not None


def dhcp_answer(rng: random.Random) -> tuple[bytes, Work]:
    return OFFER[:240] + damaged(OFFER[240:], rng, [b"\x35\1\2", b"\x36\xff", b"\0", b"\xff", b"\x33\0"]), read_dhcp


def make(rng: random.Random) -> tuple[bytes, Work]:
    return rng.choice([dhcp_answer, dns_answer, grpc_answer, http1_answer, http2_answer, ntp_answer])(rng)


if __name__ == "__main__":
    main("checks", make)
