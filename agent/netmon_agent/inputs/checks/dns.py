"""Whether a DNS server gives the answer that it should, by UDP, TCP or TLS (RFC 1035, RFC 7858)."""

from __future__ import annotations

import re
import struct
import time
from typing import TYPE_CHECKING, Annotated, Final, Literal

from pydantic import AfterValidator, Field

from netmon_agent.inputs.base import Reading
from netmon_agent.inputs.checks.base import CannotCheck, Host, HostProbe, IpVersion, Pattern, Port, Way, Wrong, url_of
from netmon_agent.inputs.checks.channel import Channel, TlsOptions
from netmon_agent.inputs.checks.datagrams import Datagrams

if TYPE_CHECKING:
    from dns.message import Message

_LENGTH: Final = struct.Struct("!H")
_MOST_UDP_BYTES: Final = 4096
_COUNTS: Final = struct.Struct("!HHH")
_COUNTS_AT: Final = 6
_MOST_RECORDS: Final = 500
"""Thousands with long names would keep the event loop busy for more than a second."""
_SCHEMES: Final = {"udp": "dns", "tcp": "dns+tcp", "tls": "dns+tls"}

RecordType = Literal[
    "A", "AAAA", "ANY", "CAA", "CNAME", "DNSKEY", "DS", "HTTPS", "MX", "NAPTR", "NS", "PTR", "SOA", "SRV", "SSHFP",
    "SVCB", "TLSA", "TXT",
]  # fmt: skip
Rcode = Literal["NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"]


def _is_name(name: str) -> str:
    labels = name.removesuffix(".").split(".")
    if name != "." and not all(0 < len(one.encode()) <= 63 for one in labels):
        raise ValueError("must be a name such as www.example.net: labels of 1 to 63 bytes with dots between them")
    return name


class DnsInput(HostProbe):
    """Up when the server answers with a wanted code and, where they are told, wanted records and none unwanted."""

    type: Literal["dns"]
    port: Port | None = None
    ip_version: IpVersion = None
    query: Annotated[Host, AfterValidator(_is_name)]
    record: RecordType = "A"
    transport: Literal["udp", "tcp", "tls"] = "udp"
    recursion: bool = True
    rcodes: tuple[Rcode, ...] = Field(default=("NOERROR",), min_length=1)
    expect: tuple[Pattern, ...] = Field(default=(), max_length=50)
    reject: tuple[Pattern, ...] = Field(default=(), max_length=50)
    tls: TlsOptions = Field(default_factory=TlsOptions)

    @property
    def target(self) -> str:
        return f"{url_of(_SCHEMES[self.transport], self.host, self._port)}/{self.query}?{self.record}"

    @property
    def _port(self) -> int:
        return self.port or (853 if self.transport == "tls" else 53)

    async def probe(self, target: dict[str, str], told: list[Reading]) -> None:
        question = self._question()
        phases: dict[str, float] = {}
        answered = False
        try:
            answer = await self._ask(question, target, told, phases)
            answered = True
        finally:
            told.append(Reading("probe_dns_query_succeeded", target, float(answered)))
            told += [Reading("probe_dns_duration_seconds", target | {"phase": one}, phases[one]) for one in phases]
        told += self._about(answer, target)
        self._judge(answer)

    def _question(self) -> Message:
        try:
            from dns import exception, flags, message  # five megabytes, for who checks DNS
        except ImportError:
            raise CannotCheck("needs dnspython: pip install 'netmon[poller]'") from None
        try:
            return message.make_query(self.query, self.record, flags=flags.RD if self.recursion else 0)
        except (exception.DNSException, UnicodeError) as error:
            raise CannotCheck(f"{self.query!r} cannot be asked for: {error}") from None

    async def _ask(
        self, question: Message, target: dict[str, str], told: list[Reading], phases: dict[str, float]
    ) -> Message:
        """Raises Wrong, OSError, CannotCheck."""
        context = self.tls.context() if self.transport == "tls" else None
        way = await Way.to(self.host, self._port, self.ip_version)
        told += way.about(target)
        phases["resolve"] = way.lookup_s
        wire = question.to_wire()
        started = time.perf_counter()
        if self.transport == "udp":
            datagrams = Datagrams(way)
            connected = time.perf_counter()
            try:
                answer = await datagrams.ask(wire, lambda data: _read(data, question), _MOST_UDP_BYTES)
            finally:
                datagrams.close()
        else:
            channel = await Channel.open(way)
            try:
                if context is not None:
                    await channel.secure(context, self.tls.server_name or self.host)
                    told += channel.about_tls(target)
                connected = time.perf_counter()
                answer = await _exchange(channel, wire, question)
            finally:
                channel.close()
        phases["connect"], phases["request"] = connected - started, time.perf_counter() - connected
        return answer

    def _about(self, answer: Message, target: dict[str, str]) -> list[Reading]:
        found = [
            Reading("probe_dns_answer_rrs", target, float(len(answer.answer))),
            Reading("probe_dns_authority_rrs", target, float(len(answer.authority))),
            Reading("probe_dns_additional_rrs", target, float(len(answer.additional))),
        ]
        if self.record == "SOA":
            serials = [getattr(one[0], "serial", None) for one in answer.answer]
            found += [Reading("probe_dns_serial", target, float(one)) for one in serials[:1] if one is not None]
        return found

    def _judge(self, answer: Message) -> None:
        """Raises Wrong."""
        from dns import rcode

        told = rcode.to_text(answer.rcode())
        if told not in self.rcodes:
            raise Wrong(f"the server answers {told}")
        records = _texts(answer) if self.expect or self.reject else []
        for pattern in self.expect:
            if not any(re.search(pattern, one) for one in records):
                raise Wrong(f"no record of the answer matches {pattern!r} (expect)")
        for pattern in self.reject:
            if any(re.search(pattern, one) for one in records):
                raise Wrong(f"a record of the answer matches {pattern!r} (reject)")


def _read(data: bytes, question: Message) -> Message | None:
    """None where it answers another question. Raises Wrong."""
    from dns import exception, message

    if data[:2] != _LENGTH.pack(question.id):
        return None
    if len(data) >= _COUNTS_AT + _COUNTS.size and sum(_COUNTS.unpack_from(data, _COUNTS_AT)) > _MOST_RECORDS:
        raise Wrong(f"the answer has more than {_MOST_RECORDS} records")
    try:
        answer = message.from_wire(data, one_rr_per_rrset=True)
    except (exception.DNSException, ValueError):
        raise Wrong("what answers does not speak DNS") from None
    return answer if question.is_response(answer) else None


async def _exchange(channel: Channel, wire: bytes, question: Message) -> Message:
    """Over a stream each message has its length before it. Raises Wrong, OSError."""
    channel.writer.write(_LENGTH.pack(len(wire)) + wire)
    (length,) = _LENGTH.unpack(await channel.exactly(_LENGTH.size))
    answer = _read(await channel.exactly(length), question)
    if answer is None:
        raise Wrong("the answer is to another question")
    return answer


def _texts(answer: Message) -> list[str]:
    """Records as lines of a zone's file with tabs, as blackbox_exporter matches them."""
    from dns import rdataclass, rdatatype

    return [
        "\t".join(
            [
                str(one.name),
                str(one.ttl),
                rdataclass.to_text(one.rdclass),
                rdatatype.to_text(one.rdtype),
                one[0].to_text(),
            ]
        )
        for one in answer.answer
        if len(one)
    ]
