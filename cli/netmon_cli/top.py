"""`netmon top`: a live view of how busy the devices are."""

import contextlib
import time
from collections.abc import Sequence
from math import isfinite

from netmon_cli import output
from netmon_cli.answers import Devices
from netmon_cli.choices import Order
from netmon_cli.client import Client
from netmon_cli.failure import Exit, Failure
from netmon_cli.hostload import SELECTORS, Load, loads
from netmon_cli.keys import keys
from netmon_cli.output import Cell, Colour, Column, Paper, escape

COLUMNS = (
    Column("DEVICE", widest=23),
    Column("STATE"),
    Column("LOAD", right=True),
    Column("CPU %", right=True),
    Column("MEM %", right=True),
    Column("DISK %", right=True),
    Column("RX/s", right=True),
    Column("TX/s", right=True),
    Column("AGE", right=True),
)
INTERVALS = 4
LONGEST_WINDOW_S = 300.0
MOST_SAMPLES = 1_000_000


def read(client: Client) -> list[Load]:
    """How busy every device is now, from its last few readings."""
    now_s = client.now_s()
    devices = client.understand(client.devices(), Devices).results
    slowest_s = max((device.interval_s for device in devices), default=10.0)
    start_s = now_s - min(INTERVALS * slowest_s, LONGEST_WINDOW_S)
    series = [one for selector in SELECTORS for one in client.readings(selector, start_s, MOST_SAMPLES).results]
    return loads(devices, series, now_s)


def frame(devices: Sequence[Load], order: Order, on: Paper, rows: int | None = None) -> list[str]:
    """A table of at most `rows` devices."""
    ordered = sorted(devices, key=lambda load: _rank(load, order))
    shown = ordered[:rows] if rows is not None else ordered
    lines = output.table(COLUMNS, [_row(load) for load in shown], on)
    if not devices:
        lines.append("no devices yet; `netmon agent` on a host adds it")
    if len(shown) < len(ordered):
        lines.append(f"and {len(ordered) - len(shown)} more")
    return lines


def once(client: Client, order: Order, as_json: bool, on: Paper) -> Exit:
    devices = read(client)
    if as_json:
        output.write_json([_plain(load) for load in sorted(devices, key=lambda load: _rank(load, order))])
    else:
        output.write_lines(frame(devices, order, on))
    return Exit.FINE


def live(client: Client, order: Order, every_s: float, on: Paper) -> Exit:
    """Draws until q or Ctrl-C. A collector that goes away is told on the screen; the last frame stays."""
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    console = Console(highlight=False)
    lines, trouble = frame(read(client), order, on, console.height - 4), ""
    with (
        contextlib.suppress(KeyboardInterrupt),
        keys() as pressed,
        Live(console=console, screen=True, auto_refresh=False) as screen,
    ):
        while True:
            told = on.cut(f"netmon top  {client.url}  {time.strftime('%H:%M:%S')}  q quits")
            drawn = "\n".join([told, on.paint(on.cut(trouble), "red"), *lines[: console.height - 2]])
            screen.update(Text.from_ansi(drawn, no_wrap=True, overflow="crop"), refresh=True)
            if pressed("q", every_s):
                break
            try:
                lines, trouble = frame(read(client), order, on, console.height - 4), ""
            except Failure as failure:
                if failure.exit_code is not Exit.UNREACHABLE:
                    raise
                trouble = str(failure).splitlines()[0]
    return Exit.FINE


def _rank(load: Load, order: Order) -> tuple[float, str]:
    network = None if load.received_bytes is None else load.received_bytes + (load.sent_bytes or 0.0)
    busy = {
        Order.CPU: load.cpu_percent,
        Order.LOAD: load.load1,
        Order.MEMORY: load.memory_percent,
        Order.DISK: load.disk_percent,
        Order.NETWORK: network,
        Order.NAME: None,
    }[order]
    return (-busy if busy is not None and busy == busy else 1.0), load.instance


def _row(load: Load) -> list[Cell | str]:
    return [
        escape(load.instance),
        Cell("up", "green") if load.up else Cell("down", "red"),
        _number(load.load1, "{:.2f}" if (load.load1 or 0.0) < 100 else "{:.0f}"),
        _percent(load.cpu_percent),
        _percent(load.memory_percent),
        _percent(load.disk_percent),
        _rate(load.received_bytes),
        _rate(load.sent_bytes),
        output.duration(round(max(load.age_s, 0.0))).split()[0] if load.age_s is not None else "-",
    ]


def _plain(load: Load) -> dict[str, object]:
    values = {name: getattr(load, name) for name in Load.__slots__}
    return {name: None if isinstance(value, float) and not isfinite(value) else value for name, value in values.items()}


def _number(value: float | None, form: str) -> str:
    return form.format(value) if value is not None else "-"


def _percent(value: float | None) -> Cell:
    colour: Colour | None = None
    if value is not None and value >= 80:
        colour = "red" if value >= 95 else "yellow"
    return Cell(_number(value, "{:.0f}"), colour)


def _rate(value: float | None) -> str:
    return output.size(value).removesuffix("iB").replace(" ", "") if value is not None else "-"
