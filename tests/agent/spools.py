"""Spools in a folder, and what is put into them."""

from pathlib import Path

from netmon_agent.columns import Encoded
from netmon_agent.spool import Spool
from netmon_agent.spool_file import Spooled
from netmon_proto import wire
from netmon_proto.model import Batch, Gather, Kind, Layout, Series
from tests.support.clocks import HandClock


def open_spool(
    folder: Path, clock: HandClock | None = None, most_bytes: int = 64 << 20, most_age_s: float = 86_400
) -> Spool:
    return Spool(
        folder / "spool.sqlite",
        most_bytes=most_bytes,
        most_age_s=most_age_s,
        quarantine_bytes=100_000,
        clock=clock or HandClock(),
    )


def gather(value: float = 1.0, size: int = 1) -> Encoded:
    return Encoded([Gather(1, 1000, [value] * size)])


def values(batch: Spooled) -> list[float]:
    decoded = wire.decode_agent(wire.encode_spooled(batch.frame, 0))
    assert isinstance(decoded, Batch)
    return [value for one in decoded.gathers for value in one.values]


async def take_all(spool: Spool) -> list[Spooled]:
    taken = []
    while batch := await spool.take():
        taken.append(batch)
    return taken


def definitions(number: int) -> Encoded:
    return Encoded(
        [Gather(number, 1000, [1.0])],
        [Series(number, f"m{number}", {"a": "ü\n"}, Kind.COUNTER)],
        [Layout(number, "input", "node", "", [number])],
        [number - 1] if number > 1 else (),
        [number - 1] if number > 1 else (),
    )
