"""What network devices are: sysfs' class/net (the kernel's ABI/testing/sysfs-class-net)."""

from collections.abc import Iterator

from netmon_agent.inputs.base import Columns, Key
from netmon_agent.inputs.host.family import Family, Keys, NoData, counter, gauge, text
from netmon_agent.inputs.host.files import Files, Members
from netmon_agent.inputs.host.filters import Filter

_TEXTS = ("address", "broadcast", "duplex", "ifalias", "operstate")
_NUMBERS = {
    "addr_assign_type": "address_assign_type",
    "carrier": "carrier",
    "carrier_changes": "carrier_changes_total",
    "carrier_down_count": "carrier_down_changes_total",
    "carrier_up_count": "carrier_up_changes_total",
    "dev_id": "device_id",
    "dormant": "dormant",
    "flags": "flags",
    "ifindex": "iface_id",
    "iflink": "iface_link",
    "link_mode": "iface_link_mode",
    "mtu": "mtu_bytes",
    "name_assign_type": "name_assign_type",
    "netdev_group": "net_dev_group",
    "speed": "speed_bytes",
    "tx_queue_len": "transmit_queue_length",
    "type": "protocol_type",
}
_ATTRIBUTES = (*_TEXTS, *_NUMBERS)
_BYTES_PER_MBIT = 125_000

Attributes = list[bytes | None]
"""What a device says, in the order of _ATTRIBUTES."""


class Netclass(Family):
    """State, speed, addresses and the like per network device.

    All of it is read every time, but it rarely differs from the last reading, and then nothing is worked out anew.
    """

    def __init__(self, files: Files, sysfs: str, devices: Filter) -> None:
        self._files = files
        self._members = Members(files, f"{sysfs}/class/net")
        self._devices = devices
        self._paths: dict[str, list[str]] = {}
        self._said: list[Attributes] | None = None
        self._keys = Keys()
        self._columns = Columns((), ())

    def gather(self) -> Columns:
        try:
            changed = self._members.scan()
        except FileNotFoundError as error:
            raise NoData("sysfs has no network devices") from error
        if changed:
            names = [name for name in self._members.names if self._devices.accepts(name)]
            self._paths = {name: [self._members.path(name, one) for one in _ATTRIBUTES] for name in names}
            self._said = None
        said = [self._files.smalls(paths) for paths in self._paths.values()]
        if said != self._said:
            devices = zip(self._paths, said, strict=True)
            self._columns = self._keys.columns({key: value for device in devices for key, value in _series(*device)})
            self._said = said
        return self._columns


def _series(device: str, said: Attributes) -> Iterator[tuple[Key, float]]:
    texts = {name: text((value or b"").strip()) for name, value in zip(_TEXTS, said, strict=False)}
    if not any(value is not None for value in said):
        return  # not a device: class/net holds plain files too, such as bonding_masters
    yield gauge("node_network_info", device=device, **texts), 1.0
    yield gauge("node_network_up", device=device), float(texts["operstate"] == "up")
    for (attribute, name), value in zip(_NUMBERS.items(), said[len(_TEXTS) :], strict=True):
        if value and value.strip():
            number = float(int(value, 0))
            kind = counter if name.endswith("_total") else gauge
            yield kind(f"node_network_{name}", device=device), number * (_BYTES_PER_MBIT if attribute == "speed" else 1)
