"""What makes events, and what receivers share: from whom they take how much, and how they are read."""

from abc import abstractmethod
from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, ClassVar

from pydantic import BeforeValidator, Field, PrivateAttr

from netmon_agent.inputs.base import Columns, Input, Reading
from netmon_agent.receivers.desk import Desk
from netmon_agent.receivers.gate import Gate
from netmon_agent.receivers.storms import Storms
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


class EventSource(Input):
    """Makes events, for the desk that `connect` names."""

    job: ClassVar[str] = "agent"

    _desk: Desk | None = PrivateAttr(default=None)

    def connect(self, desk: Desk, agent_id: str) -> None:
        """Where events go from now on, and whose they are."""
        self._desk = desk

    @property
    def desk(self) -> Desk:
        assert self._desk is not None
        return self._desk


class Receiver(EventSource):
    """Listens for messages and makes events of them.

    It listens from its first gather on: what cannot be opened makes the gather fail, is told once and tried again at
    the next. A gather says what came in and what was left out.
    """

    sources: tuple[Network, ...] = Field(default=(), max_length=1_000)
    storm: StormOptions = Field(default_factory=StormOptions)
    buffer_bytes: Size = Field(default=16 << 20, alias="buffer", ge=64 << 10, le=1 << 30)
    _gate: Gate | None = PrivateAttr(default=None)
    _agent_id: str = PrivateAttr(default="")

    def connect(self, desk: Desk, agent_id: str) -> None:
        super().connect(desk, agent_id)
        self._gate = Gate(Storms(self.storm.rate, self.storm.burst), self.sources, desk.losses)
        self._agent_id = agent_id

    @abstractmethod
    async def listen(self, gate: Gate, desk: Desk) -> None:
        """Opens what is not open. Raises OSError, ValueError."""

    @abstractmethod
    def kernel_drops(self) -> int:
        """Datagrams that the kernel dropped before they could be read."""

    async def gather(self, now_ms: int) -> Iterable[Columns | Reading]:
        assert self._gate is not None
        await self.listen(self._gate, self.desk)
        lost = [*self._gate.left_out.items(), ("kernel", self.kernel_drops())]
        labels = {"input": self.title}
        return [
            Reading("netmon_receiver_messages_total", labels, self._gate.messages, Kind.COUNTER),
            *(
                Reading("netmon_receiver_left_out_total", labels | {"reason": reason}, count, Kind.COUNTER)
                for reason, count in sorted(lost)
            ),
        ]
