"""`netmon device`: has devices polled by SNMP, and tells what they are."""

import re
import time
from collections.abc import Callable
from typing import Any, Literal, NamedTuple, cast
from urllib.parse import quote

from pydantic import AwareDatetime, BaseModel

from netmon_cli.client import Client
from netmon_cli.credentials import body_of
from netmon_cli.failure import Exit, Failure
from netmon_cli.output import Cell, Colour, Column, Paper, duration, escape, table, write_json, write_lines
from netmon_configs.options import split_address

DEVICES = "/api/v1/snmp/devices"
LOOK_EVERY_S = 0.25
SNMP_PORT = 161
_UP, _DOWN = 1, 2
_OPER = {1: "up", 2: "down", 3: "testing", 5: "dormant", 6: "absent", 7: "lower down"}
"""ifOperStatus (RFC 2863)"""
_SPEED = re.compile(r"(.+)=(\d+(?:\.\d+)?)([TGMK]?)", re.IGNORECASE)
_UNITS = {"T": 1e12, "G": 1e9, "M": 1e6, "K": 1e3}
_COLOURS: dict[str, Colour] = {"up": "green", "down": "red"}


class SnmpDevice(BaseModel):
    """GET /api/v1/snmp/devices/{device}"""

    instance: str
    name: str
    host: str
    port: int
    poller: str
    former_poller: str = ""
    moved: AwareDatetime | None = None
    moved_because: str = ""
    credential: str | None
    credentials: list[str]
    interval_s: float
    wanted_profile: str
    speeds_bps: dict[str, float]
    site: str
    state: Literal["up", "down", "unknown"]
    last_poll: AwareDatetime | None
    reported: AwareDatetime | None
    answered: bool | None
    trouble: str
    profile: str
    vendor: str
    os: str
    model: str
    version: str
    serial: str
    object_id: str
    sys_name: str
    descr: str
    location: str


class Port(BaseModel):
    """An entry of GET /api/v1/snmp/devices/{device}/ports"""

    if_index: int
    name: str
    descr: str
    alias: str
    mac: str
    admin: int | None
    oper: int | None
    speed_bps: float | None


class Ports(BaseModel):
    results: list[Port]


class SnmpDevices(BaseModel):
    results: list[SnmpDevice]


class Wish(NamedTuple):
    """What people say of how a device is to be polled; None and nothing where they say nothing."""

    host: str | None = None
    name: str | None = None
    credentials: tuple[str, ...] = ()
    snmp: dict[str, str] | None = None
    interval_s: float | None = None
    poller: str | None = None
    profile: str | None = None
    speeds: tuple[str, ...] = ()
    site: str | None = None

    def body(self) -> dict[str, Any]:
        """As the API takes it. Raises Failure."""
        address: dict[str, Any] = {}
        if self.host is not None:
            address["host"], address["port"] = address_of(self.host)
        said = {
            "name": self.name,
            "credentials": list(self.credentials) or None,
            "snmp": self.snmp,
            "interval_s": self.interval_s,
            "poller": self.poller,
        }
        # An empty profile or site, and an empty list of speeds, take back what was said before.
        more: dict[str, Any] = {
            name: value for name in ("profile", "site") if (value := getattr(self, name)) is not None
        }
        if self.speeds:
            more["speeds_bps"] = dict(map(_speed, filter(None, self.speeds)))
        return {**body_of({**address, **said}), **more}


def add(client: Client, wish: Wish, wait_s: float, as_json: bool) -> Exit:
    """Has a device polled and waits until it is known what it is. Raises Failure."""
    added = client.understand(client.send("POST", DEVICES, wish.body()), SnmpDevice)
    return _tell(client, _wait(client, added.instance, lambda one: one.reported is not None, wait_s), as_json)


def change(client: Client, instance: str, wish: Wish, wait_s: float, as_json: bool) -> Exit:
    """Has a device polled another way from now on, and tells what comes of it. Raises Failure."""
    body = wish.body()
    if not body:
        raise Failure(Exit.USAGE, "nothing is to be changed", "`netmon device set --help` lists what can be.")
    before = client.understand(client.get(_path(instance)), SnmpDevice).reported
    answer = client.send("PATCH", _path(instance), body)
    if body.keys() - {"name", "site"}:  # which its poller is not told of
        answer = _wait(client, instance, lambda one: one.reported not in (None, before), wait_s)
    return _tell(client, answer, as_json)


def poll(client: Client, instance: str, wait_s: float, as_json: bool) -> Exit:
    """Has a device polled at once, and tells what comes of it. Raises Failure."""
    before = client.understand(client.get(_path(instance)), SnmpDevice).reported
    client.send("POST", f"{_path(instance)}/poll")
    return _tell(client, _wait(client, instance, lambda one: one.reported not in (None, before), wait_s), as_json)


def remove(client: Client, instance: str, as_json: bool) -> Exit:
    """Has a device polled no more. Raises Failure."""
    answer = client.send("DELETE", _path(instance))
    if as_json:
        write_json(answer)
    else:
        write_lines([f"{escape(instance)} is polled no more; what was measured is kept as long as other samples"])
    return Exit.FINE


def show(client: Client, instance: str, as_json: bool, on: Paper) -> Exit:
    """All about one device, and its ports. Raises Failure."""
    answer, listed = client.get(_path(instance)), client.pages(f"{_path(instance)}/ports")
    if as_json:
        write_json({**answer, "ports": listed["results"]})
        return Exit.FINE
    ports = client.understand(listed, Ports).results
    lines = details(client.understand(answer, SnmpDevice))
    if ports:
        columns = [Column("PORT"), Column("STATE"), Column("SPEED", right=True), Column("MAC"), Column("ALIAS")]
        lines += ["", *table(columns, [_port(one) for one in ports], on)]
    write_lines(lines)
    return Exit.FINE


def show_all(client: Client, as_json: bool, on: Paper) -> Exit:
    """A line per device. Raises Failure."""
    answer = client.pages(DEVICES)
    if as_json:
        write_json(answer)
        return Exit.FINE
    devices = client.understand(answer, SnmpDevices).results
    columns = [Column(title) for title in ("DEVICE", "STATE", "ADDRESS", "PROFILE", "MODEL", "VERSION", "POLLER")]
    write_lines(
        table(columns, [_row(one) for one in devices], on)
        if devices
        else ["none yet; `netmon device add HOST` adds one"]
    )
    return Exit.FINE


def details(device: SnmpDevice) -> list[str]:
    """All about one device, a line per matter."""
    last = f"{device.last_poll.astimezone():%Y-%m-%d %H:%M:%S}" if device.last_poll else "none yet"
    lines = [
        ("device", device.instance if device.name == device.instance else f"{device.instance} ({device.name})"),
        ("state", device.state),
        ("trouble", device.trouble),
        ("address", _place(device)),
        *((name, getattr(device, name)) for name in ("profile", "vendor", "os", "model", "version", "serial")),
        ("name", device.sys_name),
        ("location", device.location),
        ("description", device.descr),
        ("object id", device.object_id),
        ("told to be", device.wanted_profile),
        ("credential", ", ".join(device.credentials) or "its own"),
        ("speeds", ", ".join(f"{port} {bits(bps)}" for port, bps in device.speeds_bps.items())),
        ("site", device.site),
        ("interval", duration(device.interval_s)),
        ("last poll", last),
        ("poller", _polled_by(device)),
    ]
    return [f"{title:<12} {escape(text)}" for title, text in lines if text]


def _tell(client: Client, answer: Any, as_json: bool) -> Exit:
    device = client.understand(answer, SnmpDevice)
    if as_json:
        write_json(answer)
    elif device.answered:
        facts = [device.vendor, device.model, device.os, device.version]
        known = escape(" ".join(text for text in facts if text)) or "nothing more is known of it"
        every = duration(device.interval_s)
        write_lines(
            [f"{escape(device.instance)} answers: {known} (profile {escape(device.profile)}); polled every {every}"]
        )
        if device.trouble:
            write_lines([f"not all could be read: {escape(device.trouble)}"])
    else:
        write_lines(
            [f"{escape(device.instance)} does not answer: {escape(device.trouble or 'its poller has not told yet')}"]
        )
    return Exit.FINE if device.answered else Exit.WRONG


def _wait(client: Client, instance: str, is_done: Callable[[SnmpDevice], bool], wait_s: float) -> Any:
    """The device as soon as it is as wanted, or as it is in the end."""
    deadline = time.monotonic() + wait_s
    while True:
        answer = client.get(_path(instance))
        if is_done(client.understand(answer, SnmpDevice)) or time.monotonic() > deadline:
            return answer
        time.sleep(LOOK_EVERY_S)


def _port(port: Port) -> list[Cell | str]:
    state, colour = "up", "green"
    if port.admin == _DOWN:
        state, colour = "off", "dim"
    elif port.oper != _UP:
        state, colour = _OPER.get(port.oper or 0, "unknown"), "red" if port.oper == _DOWN else "yellow"
    name = port.name or port.descr or str(port.if_index)
    alias = port.alias if port.alias != name else ""
    speed = bits(port.speed_bps) if port.speed_bps else "-"
    return [escape(name), Cell(state, cast(Colour, colour)), speed, port.mac or "-", escape(alias)]


def bits(bps: float) -> str:
    """A line's speed: `100M`, `2.5G`."""
    for unit, size in _UNITS.items():
        if bps >= size:
            return f"{bps / size:g}{unit}"
    return f"{bps:g}"


def _speed(text: str) -> tuple[str, float]:
    """A port and its speed of PORT=SPEED. Raises Failure."""
    match = _SPEED.fullmatch(text)
    if match is None:
        raise Failure(Exit.USAGE, f"--speed {text}: must be a port and its speed in bit/s, such as Gi0/1=100M")
    return match[1], float(match[2]) * _UNITS.get(match[3].upper(), 1.0)


def _row(device: SnmpDevice) -> list[Cell | str]:
    facts = [device.profile, device.model, device.version]
    return [
        escape(device.instance),
        Cell(device.state, _COLOURS.get(device.state)),
        escape(_place(device)),
        *(escape(text) or "-" for text in facts),
        escape(f"{device.poller} for {device.former_poller}" if device.moved_because == "gone" else device.poller),
    ]


def _polled_by(device: SnmpDevice) -> str:
    if device.moved is None:
        return device.poller
    because = {"gone": f"{device.former_poller} is gone", "busy": f"{device.former_poller} was too busy"}
    since = f"{device.moved.astimezone():%Y-%m-%d %H:%M:%S}"
    return f"{device.poller} since {since}; {because.get(device.moved_because, f'before, {device.former_poller}')}"


def _place(device: SnmpDevice) -> str:
    if device.port == SNMP_PORT:
        return device.host
    return f"[{device.host}]:{device.port}" if ":" in device.host else f"{device.host}:{device.port}"


def address_of(text: str) -> tuple[str, int]:
    """A host and a port of HOST, HOST:PORT or [HOST]:PORT; an IPv6 address may stand alone."""
    if text.count(":") > 1 and not text.startswith("["):
        return text, SNMP_PORT
    if text.startswith("[") and text.endswith("]"):
        return text[1:-1], SNMP_PORT
    if ":" not in text:
        return text, SNMP_PORT
    try:
        return split_address(text)
    except ValueError as error:
        raise Failure(Exit.USAGE, f"{text}: {error}") from None


def _path(instance: str) -> str:
    return f"{DEVICES}/{quote(instance, safe='')}"
