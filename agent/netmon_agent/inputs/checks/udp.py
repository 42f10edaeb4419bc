"""Whether something answers a datagram, and as it should."""

import re
import time
from typing import Literal

from pydantic import Field, field_validator, model_validator

from netmon_agent.inputs.base import Reading
from netmon_agent.inputs.checks.base import HostProbe, IpVersion, Pattern, Port, Way, Wrong, url_of
from netmon_agent.inputs.checks.datagrams import Datagrams


class UdpInput(HostProbe):
    """Sends a payload and waits for an answer; up when there is one, and what is expected is found in it."""

    type: Literal["udp"]
    port: Port
    ip_version: IpVersion = None
    send: str | None = Field(default=None, max_length=10_000)
    send_hex: str | None = Field(default=None, max_length=20_000)
    expect: Pattern | None = None

    @field_validator("send_hex")
    @classmethod
    def _is_hex(cls, text: str | None) -> str | None:
        try:
            bytes.fromhex(text or "")
        except ValueError:
            raise ValueError("must be bytes in hexadecimal, such as '00 ff 2a'") from None
        return text

    @model_validator(mode="after")
    def _has_payload(self) -> "UdpInput":
        if (self.send is None) == (self.send_hex is None):
            raise ValueError("needs either send or send_hex")
        return self

    @property
    def target(self) -> str:
        return url_of(self.type, self.host, self.port)

    async def probe(self, target: dict[str, str], told: list[Reading]) -> None:
        payload = bytes.fromhex(self.send_hex) if self.send_hex is not None else (self.send or "").encode()
        way = await Way.to(self.host, self.port, self.ip_version)
        told += way.about(target)
        started = time.perf_counter()
        datagrams = Datagrams(way)
        try:
            answer = await datagrams.ask(payload, lambda data: data)
        finally:
            datagrams.close()
        # The pattern is of bytes, so that it may say \\xff of protocols that are not text.
        unexpected = self.expect is not None and not re.search(self.expect.encode(), answer)
        told += [
            Reading("probe_udp_rtt_seconds", target, time.perf_counter() - started),
            Reading("probe_udp_answer_bytes", target, float(len(answer))),
            Reading("probe_failed_due_to_regex", target, float(unexpected)),
        ]
        if unexpected:
            raise Wrong("the answer is not as expected")
