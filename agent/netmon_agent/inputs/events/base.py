"""What receivers share: from whom they take how much, and how they are read."""

import time
from abc import abstractmethod
from collections.abc import Callable, Iterable
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import BeforeValidator, Field, PrivateAttr

from netmon_agent.inputs.base import Columns, Input, Reading
from netmon_agent.receivers.desk import Desk
from netmon_agent.receivers.storms import STORM, STRANGER, Storms
from netmon_configs.options import Options, Size
from netmon_proto.model import Kind


def _network(value: object) -> IPv4Network | IPv6Network:
    try:
        return value if isinstance(value, IPv4Network | IPv6Network) else ip_network(str(value))
    except ValueError:
        raise ValueError(f"must be an address or a network such as 10.0.0.0/8 (got {str(value)[:60]})") from None


Network = Annotated[IPv4Network | IPv6Network, BeforeValidator(_network)]


class StormOptions(Options):
    """How many messages a second are taken from one source for long, and how many at once."""

    rate: float = Field(default=200.0, ge=1, le=1_000_000)
    burst: int = Field(default=5_000, ge=1, le=1_000_000)


class Receiver(Input):
    """Listens for messages and makes events of them, for the desk that `connect` names.

    It listens from its first gather on: what cannot be opened makes the gather fail, is told once and tried again at
    the next. A gather says what came in and what was left out.
    """

    job: ClassVar[str] = "agent"

    sources: tuple[Network, ...] = Field(default=(), max_length=1_000)
    storm: StormOptions = Field(default_factory=StormOptions)
    buffer_bytes: Size = Field(default=16 << 20, alias="buffer", ge=64 << 10, le=1 << 30)
    _desk: Desk | None = PrivateAttr(default=None)
    _storms: Storms | None = PrivateAttr(default=None)
    _is_source: Callable[[str], bool] | None = PrivateAttr(default=None)
    _received: int = PrivateAttr(default=0)
    _engine_id: bytes = PrivateAttr(default=b"")
    _left_out: dict[str, int] = PrivateAttr(default_factory=dict)

    def connect(self, desk: Desk, agent_id: str) -> None:
        """Where events go from now on, and whose receiver this is."""
        self._desk = desk
        self._engine_id = engine_id_of(agent_id)
        self._storms = Storms(self.storm.rate, self.storm.burst)
        self._is_source = lru_cache(maxsize=8192)(self._takes_from) if self.sources else None

    @abstractmethod
    async def listen(self) -> None:
        """Opens what is not open. Raises OSError."""

    @abstractmethod
    def kernel_drops(self) -> int:
        """Datagrams that the kernel dropped before they could be read."""

    async def gather(self, now_ms: int) -> Iterable[Columns | Reading]:
        await self.listen()
        lost = [*self._left_out.items(), ("kernel", self.kernel_drops())]
        labels = {"input": self.title}
        return [
            Reading("netmon_receiver_messages_total", labels, self._received, Kind.COUNTER),
            *(
                Reading("netmon_receiver_left_out_total", labels | {"reason": reason}, count, Kind.COUNTER)
                for reason, count in sorted(lost)
            ),
        ]

    def admits(self, source: str) -> bool:
        """Counts a message, and says whether it is taken; what is not is noted."""
        self._received += 1
        assert self._storms is not None
        if not self._storms.admits(source, time.monotonic()):
            self.leave_out(STORM, source)
            return False
        if self._is_source is not None and not self._is_source(source):
            self.leave_out(STRANGER, source)
            return False
        return True

    def leave_out(self, reason: str, source: str, why: str = "") -> None:
        """Notes a message that becomes no event."""
        assert self._desk is not None
        self._left_out[reason] = self._left_out.get(reason, 0) + 1
        self._desk.losses.note(reason, source, why)

    def _takes_from(self, source: str) -> bool:
        return any(ip_address(source) in network for network in self.sources)


def engine_id_of(agent_id: str) -> bytes:
    """The SNMP engine id of an agent: octets of the administrator's own (RFC 3411, section 5), made of its id.

    The enterprise in front is 0, which IANA has reserved and nobody else uses.
    """
    return b"\x80\x00\x00\x00\x05" + UUID(agent_id).bytes
