"""`netmon status`: what is up, how fresh, how much waits and how much is stored, at a glance."""

from collections.abc import Sequence

from netmon_cli import output
from netmon_cli.answers import Device, Status
from netmon_cli.client import Client
from netmon_cli.failure import Exit
from netmon_cli.output import Paper, escape

NAMED = 8


def show(client: Client, as_json: bool, on: Paper) -> Exit:
    """Writes the status; WRONG where a device is down."""
    answer = client.get("/api/v1/status")
    status = client.understand(answer, Status)
    if as_json:
        output.write_json(answer)
    else:
        output.write_lines(view(status, client.url, client.down(NAMED) if status.devices.down else [], on))
    return Exit.WRONG if status.devices.down else Exit.FINE


def view(status: Status, url: str, down: Sequence[Device], on: Paper) -> list[str]:
    """The lines of a status; `down` are the first of the devices that are down."""
    running = output.duration((status.now - status.started).total_seconds())
    return [
        f"netmon {escape(status.version)} at {url}, running for {running}",
        "",
        f"devices  {_devices(status, down, on)}",
        f"agents   {status.agents.connected} of {status.agents.total} connected",
        f"ingest   {_ingest(status)}",
        f"         since the start {_ingested(status)}",
        f"store    {_store(status)}",
        f"spool    {_spool(status, on)}",
    ]


def _devices(status: Status, down: Sequence[Device], on: Paper) -> str:
    devices = status.devices
    if not devices.total:
        return "none yet; `netmon agent` on a host adds it"
    up = on.paint(f"{output.count(devices.up)} up", "green" if devices.up else None)
    if not devices.down:
        return up
    names = ", ".join(escape(device.instance) for device in down[:NAMED])
    more = f" and {output.count(devices.down - NAMED)} more" if devices.down > NAMED else ""
    return f"{up}, {on.paint(f'{output.count(devices.down)} down', 'red')}{': ' if names else ''}{names}{more}"


def _ingest(status: Status) -> str:
    ingest, newest = status.ingest, status.store.newest
    fresh = f", the last one {output.age((status.now - newest).total_seconds())}" if newest else ""
    return f"{output.number(round(ingest.samples_per_second, 1))} samples/s{fresh}"


def _ingested(status: Status) -> str:
    ingest = status.ingest
    return (
        f"{output.count(ingest.samples)} samples in {output.count(ingest.batches, 'batch', 'batches')}, "
        f"{output.count(ingest.duplicates)} sent twice, {output.count(ingest.refused)} refused"
    )


def _store(status: Status) -> str:
    store = status.store
    since = f", since {store.oldest.astimezone():%Y-%m-%d %H:%M}" if store.oldest else ""
    return f"{output.count(store.series)} series, {output.size(store.bytes)}{since}"


def _spool(status: Status, on: Paper) -> str:
    spool = status.spool
    waiting = f"{output.count(spool.batches, 'batch', 'batches')} ({output.size(spool.bytes)}) waiting at the agents"
    quarantined = f"{output.count(spool.quarantined)} in quarantine"
    return f"{waiting}, {on.paint(quarantined, 'yellow' if spool.quarantined else None)}"
