"""`netmon devices`: the list, and all about one."""

from collections.abc import Sequence
from datetime import datetime

from netmon_cli import output
from netmon_cli.answers import Device, Devices
from netmon_cli.client import Client
from netmon_cli.failure import Exit
from netmon_cli.output import Cell, Column, Paper, escape

COLUMNS = (
    Column("DEVICE", widest=32),
    Column("STATE"),
    Column("FOR", right=True),
    Column("LAST SAMPLE", right=True),
    Column("CLOCK", right=True),
    Column("WAITING", right=True),
    Column("AGENT"),
)
SKEW_S = 2.0
"""A clock that is off by more is marked."""


def show(client: Client, instance: str | None, as_json: bool, on: Paper) -> Exit:
    answer = client.device(instance) if instance is not None else client.devices()
    if as_json:
        output.write_json(answer)
        return Exit.FINE
    now = client.status().now
    if instance is not None:
        output.write_lines(details(client.understand(answer, Device), now, on))
    else:
        output.write_lines(overview(client.understand(answer, Devices).results, now, on))
    return Exit.FINE


def overview(devices: Sequence[Device], now: datetime, on: Paper) -> list[str]:
    """A line per device."""
    if not devices:
        return ["no devices yet; `netmon agent` on a host adds it"]
    return output.table(COLUMNS, [_row(device, now) for device in devices], on)


def _row(device: Device, now: datetime) -> list[Cell | str]:
    skew, spool = device.agent.clock_skew_s, device.agent.spool
    return [
        escape(device.instance),
        _state(device),
        output.duration((now - device.since).total_seconds()),
        _ago(device.last_sample, now),
        Cell(f"{skew:+.3f}s", "yellow" if abs(skew) > SKEW_S else None) if skew is not None else "-",
        str(spool.batches) if spool else "-",
        escape(device.agent.version),
    ]


def details(device: Device, now: datetime, on: Paper) -> list[str]:
    """All about one device, a line per matter."""
    agent = device.agent
    state = _state(device)
    connection = f"connected from {escape(agent.address or '?')}" if agent.connected else "not connected"
    lines = [
        ("device", f"{escape(device.instance)} ({escape(device.name)})"),
        ("state", f"{on.paint(state.text, state.colour)} for {output.duration((now - device.since).total_seconds())}"),
        ("job", escape(device.job)),
        ("last sample", _ago(device.last_sample, now)),
        ("interval", output.duration(device.interval_s)),
        ("first seen", f"{device.first_seen.astimezone():%Y-%m-%d %H:%M:%S}"),
        ("last seen", f"{device.last_seen.astimezone():%Y-%m-%d %H:%M:%S}"),
        ("agent", f"netmon {escape(agent.version)} on {escape(agent.hostname)}, {escape(agent.platform)}"),
        ("connection", connection),
        ("clock", f"{agent.clock_skew_s:+.3f}s against the collector's" if agent.clock_skew_s is not None else "-"),
        ("spool", _spool(device)),
        ("quarantine", output.count(agent.quarantined, "batch", "batches") if agent.quarantined is not None else "-"),
    ]
    return [f"{title:<12} {text}" for title, text in lines]


def _state(device: Device) -> Cell:
    colour: dict[str, output.Colour] = {"up": "green", "down": "red"}
    return Cell(escape(device.state), colour.get(device.state))


def _ago(moment: datetime | None, now: datetime) -> str:
    return output.age((now - moment).total_seconds()) if moment else "none"


def _spool(device: Device) -> str:
    spool = device.agent.spool
    if spool is None:
        return "-"
    if not spool.batches:
        return "nothing waits"
    waiting = f"{output.count(spool.batches, 'batch', 'batches')} ({output.size(spool.bytes)}) waiting"
    return f"{waiting}, the oldest for {output.duration(spool.oldest_age_s)}"
