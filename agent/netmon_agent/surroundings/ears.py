"""Listens for LLDP on all interfaces; sends nothing. Who may not open such a socket asks lldpd, where there is one."""

import asyncio
import contextlib
import json
import shutil
import socket
import struct
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from netmon_agent.surroundings.lldp import Heard, Malformed, decode

MOST_NEIGHBOURS: Final = 1000
_LLDP: Final = 0x88CC
_GROUPS: Final = (b"\x01\x80\xc2\x00\x00\x0e", b"\x01\x80\xc2\x00\x00\x03", b"\x01\x80\xc2\x00\x00\x00")
"""IEEE 802.1AB, 7.1: nearest bridge, nearest bridge that is no repeater, nearest customer bridge."""
_SOL_PACKET, _ADD_MEMBERSHIP, _MULTICAST = 263, 1, 0
_MEMBERSHIP: Final = struct.Struct("=iHH8s")
_OUTGOING: Final = 4
_ASK_S: Final = 5.0
_CHASSIS_TYPES: Final = {"mac": 4, "ip": 5, "ifname": 6, "local": 7}
_PORT_TYPES: Final = {"ifalias": 1, "mac": 3, "ip": 4, "ifname": 5, "local": 7}


class Ears:
    """Neighbours that were heard lately, by the interface that they were heard on."""

    def __init__(self, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._clock_s = clock_s
        self._heard: dict[tuple[str, tuple[str, str]], tuple[float, Heard]] = {}
        self._socket: socket.socket | None = None

    @property
    def is_open(self) -> bool:
        return self._socket is not None

    def open(self) -> None:
        """Begins to listen, on the running event loop. Raises OSError where this is not allowed, or not possible."""
        if not hasattr(socket, "AF_PACKET"):
            raise OSError("this system has no packet sockets")
        opened = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_LLDP))
        opened.setblocking(False)
        self._socket = opened
        self.follow_interfaces()
        asyncio.get_running_loop().add_reader(opened, self._read)

    def follow_interfaces(self) -> None:
        """Has all interfaces that there are now let these frames through."""
        if self._socket is None:
            return
        for index, _ in socket.if_nameindex():
            for group in _GROUPS:
                with contextlib.suppress(OSError):  # it is in the group already, or has gone
                    wanted = _MEMBERSHIP.pack(index, _MULTICAST, 6, group)
                    self._socket.setsockopt(_SOL_PACKET, _ADD_MEMBERSHIP, wanted)

    def close(self) -> None:
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()
            self._socket = None

    def _read(self) -> None:
        assert self._socket is not None
        for _ in range(64):  # others on the event loop have their turn
            try:
                frame, (interface, _, kind, *_) = self._socket.recvfrom(9216)
            except OSError:
                return
            if kind != _OUTGOING:
                self.hear(interface, frame)

    def hear(self, interface: str, frame: bytes) -> None:
        """Takes a frame; of one that is no LLDP, nothing."""
        with contextlib.suppress(Malformed):
            heard = decode(frame)
            key = interface, heard.key
            if not heard.ttl_s:
                self._heard.pop(key, None)
            elif key in self._heard or len(self._heard) < MOST_NEIGHBOURS:
                self._heard[key] = (self._clock_s() + heard.ttl_s, heard)

    def neighbours(self) -> list[tuple[str, Heard]]:
        """Who was heard and has not gone silent, with the interface, in a fixed order."""
        now_s = self._clock_s()
        self._heard = {key: one for key, one in self._heard.items() if one[0] > now_s}
        return [
            (interface, heard) for (interface, _), (_, heard) in sorted(self._heard.items(), key=lambda one: one[0])
        ]


async def ask_lldpd() -> list[tuple[str, Heard]]:
    """The neighbours that lldpd has heard; empty where it is not there, or does not speak to us."""
    program = shutil.which("lldpcli")
    if program is None:
        return []
    words = (program, "-f", "json0", "show", "neighbors")
    process = await asyncio.create_subprocess_exec(
        *words, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        async with asyncio.timeout(_ASK_S):
            written, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        return []
    try:
        return list(read_lldpd(json.loads(written)))
    except ValueError:
        return []


def read_lldpd(answer: Any) -> Iterator[tuple[str, Heard]]:
    """Neighbours in what `lldpcli -f json0` writes: every element a list of objects."""
    for table in _objects(answer, "lldp"):
        for interface in _objects(table, "interface"):
            chassis, port = next(_objects(interface, "chassis"), {}), next(_objects(interface, "port"), {})
            who, where = next(_objects(chassis, "id"), {}), next(_objects(port, "id"), {})
            name = interface.get("name")
            if isinstance(name, str) and who and where:
                yield (
                    name,
                    Heard(
                        1,
                        _value(who),
                        _CHASSIS_TYPES.get(str(who.get("type")), 0),
                        _value(where),
                        _PORT_TYPES.get(str(where.get("type")), 0),
                        port_descr=_value(next(_objects(port, "descr"), {})),
                        name=_value(next(_objects(chassis, "name"), {})),
                        descr=_value(next(_objects(chassis, "descr"), {})),
                        address=_value(next(_objects(chassis, "mgmt-ip"), {})),
                    ),
                )


def _objects(answer: Any, name: str) -> Iterator[Mapping[str, Any]]:
    found = answer.get(name) if isinstance(answer, dict) else None
    yield from (one for one in (found if isinstance(found, list) else [found]) if isinstance(one, dict))


def _value(answer: Mapping[str, Any]) -> str:
    return str(answer.get("value", ""))[:255]
