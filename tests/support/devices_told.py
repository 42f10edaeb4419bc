"""Devices' stories in few words, for tests of the map."""

from collections.abc import Mapping, Sequence

import numpy as np

from netmon_collector.topology.told import Forwarding, Heard, OwnAddress, Port, Told, mac_number

PORTS = 8


def mac(number: int) -> int:
    """The address of a station by a small number."""
    return 0x0200_0000_0000 + number


def mac_of(text: str) -> int:
    number = mac_number(text)
    assert number is not None
    return number


def switch(name: str, number: int, **more: object) -> Told:
    """A switch with ports ge1 to ge8; its own address is mac(number * 100), those of its ports follow."""
    ports = tuple(Port(index, f"ge{index}", mac=mac(number * 100 + index)) for index in range(1, PORTS + 1))
    given = {"ports": ports, "names": (name,), "chassis": mac(number * 100), **more}
    return Told(name, **given)  # type: ignore[arg-type]


def table(rows: Mapping[int, int]) -> Forwarding:
    """A forwarding table out of {MAC address: ifIndex}."""
    return Forwarding(
        np.array(list(rows), np.uint64), np.array(list(rows.values()), np.int64), np.ones(len(rows), np.int64)
    )


def hears(index: int, chassis: int | str, port: str, **more: object) -> Heard:
    """An LLDP neighbour that names itself by MAC address and its port by name."""
    text = chassis if isinstance(chassis, str) else f"{chassis:012x}"
    given = {"chassis_kind": 4, "port_kind": 5, **more}
    return Heard("lldp", index, text, port=port, **given)  # type: ignore[arg-type]


def addresses(*texts: str) -> Sequence[OwnAddress]:
    """Addresses such as 10.0.0.1/24 on ports 1, 2, …"""
    return tuple(
        OwnAddress(text.partition("/")[0], int(text.partition("/")[2]), index) for index, text in enumerate(texts, 1)
    )
