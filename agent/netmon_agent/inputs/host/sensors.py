"""Temperatures, fans, voltages: sysfs' class/hwmon (the kernel's hwmon/sysfs-interface.rst) and class/thermal."""

import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from netmon_agent.inputs.base import Columns, Key
from netmon_agent.inputs.host.family import Family, Keys, NoData, counter, gauge, text
from netmon_agent.inputs.host.files import Files, Members


class _Value(NamedTuple):
    """A file of a member of a class, and the series that it holds."""

    member: str
    attribute: str
    key: Key
    per_unit: float


def _read(members: Members, values: list[_Value]) -> dict[Key, float]:
    """What can be read of it: a sensor that is switched off refuses, or says N/A."""
    series: dict[Key, float] = {}
    for member, attribute, key, per_unit in values:
        said = members.read(member, attribute)
        if said:
            with suppress(ValueError):
                series[key] = float(said) / per_unit
    return series


class ThermalZone(Family):
    """Temperature of each thermal zone, state of each cooling device."""

    def __init__(self, files: Files, sysfs: str) -> None:
        self._members = Members(files, f"{sysfs}/class/thermal")
        self._values: list[_Value] = []
        self._keys = Keys()

    def gather(self) -> Columns:
        try:
            if self._members.scan():
                self._values = [value for member in self._members.names for value in self._of(member)]
        except FileNotFoundError:  # nothing here measures heat
            return self._keys.columns({})
        return self._keys.columns(_read(self._members, self._values))

    def _of(self, member: str) -> Iterator[_Value]:
        kind = text(self._members.read(member, "type") or b"")
        if member.startswith("thermal_zone"):
            zone = member.removeprefix("thermal_zone")
            yield _Value(member, "temp", gauge("node_thermal_zone_temp", type=kind, zone=zone), 1e3)
        elif member.startswith("cooling_device"):
            name = member.removeprefix("cooling_device")
            for state in ("cur_state", "max_state"):
                yield _Value(member, state, gauge(f"node_cooling_device_{state}", name=name, type=kind), 1)


class Hwmon(Family):
    """Everything that hardware monitoring chips measure.

    Which sensors a chip has is found out when it appears; they are then read every time.
    """

    def __init__(self, files: Files, sysfs: str) -> None:
        self._folder = f"{sysfs}/class/hwmon"
        self._chips = Members(files, self._folder, "hwmon")
        self._values: list[_Value] = []
        self._constant: dict[Key, float] = {}
        self._keys = Keys()

    def gather(self) -> Columns:
        try:
            if self._chips.scan():
                self._find_sensors()
        except FileNotFoundError as error:
            raise NoData("no hardware monitoring chip") from error
        return self._keys.columns(self._constant | _read(self._chips, self._values))

    def _find_sensors(self) -> None:
        self._values = []
        self._constant = {}
        for member in self._chips.names:
            chip = self._name(member)
            chip_name = clean_name(text(self._chips.read(member, "name") or b""))
            if chip_name:
                self._constant[gauge("node_hwmon_chip_names", chip=chip, chip_name=chip_name)] = 1.0
            for sensor, properties in self._sensors(member).items():
                kind = sensor.rstrip("0123456789")
                for prop, attribute in properties.items():
                    if prop == "label":
                        label = text(self._chips.read(member, attribute) or b"")
                        self._constant[gauge("node_hwmon_sensor_label", chip=chip, label=label, sensor=sensor)] = 1.0
                    else:
                        name, per_unit = metric_of(kind, prop, plain="" in properties)
                        key = (counter if name.endswith("_total") else gauge)(name, chip=chip, sensor=sensor)
                        self._values.append(_Value(member, attribute, key, per_unit))

    def _sensors(self, member: str) -> dict[str, dict[str, str]]:
        """Sensors such as temp1, with the attribute of each property; old drivers keep them in the device's folder."""
        sensors: dict[str, dict[str, str]] = {}
        for folder in ("", "device/"):
            for file in sorted(Path(self._folder, member, folder).glob("*")):
                match = _FILE.fullmatch(file.name)
                if match and match[1] in _SENSORS:
                    sensor = f"{match[1]}{int(match[2] or 0)}"
                    sensors.setdefault(sensor, {})[match[3] or ""] = folder + file.name
        return sensors

    def _name(self, member: str) -> str:
        """A name that stays the same over restarts: that of the device, of the driver, or at last of the folder."""
        path = Path(self._folder, member)
        if (path / "device").exists():
            device = (path / "device").resolve()
            name = "_".join(filter(None, (clean_name(device.parent.name), clean_name(device.name))))
            if name:
                return name
        driver = clean_name(text(self._chips.read(member, "name") or b""))
        return driver or clean_name(path.resolve().name)


_FILE = re.compile(r"([^0-9]+)([0-9]*)(?:_(.+))?")
_SENSORS = frozenset("vrm beep_enable update_interval in cpu fan pwm temp curr power energy humidity intrusion".split())
_NOT_IN_A_NAME = re.compile(r"[^a-z0-9:_]")


def clean_name(name: str) -> str:
    """As part of a metric's name or as the name of a chip: lower case letters, digits and underscores."""
    return _NOT_IN_A_NAME.sub("_", name.lower()).strip("_")


def metric_of(kind: str, prop: str, *, plain: bool) -> tuple[str, float]:
    """Metric of a sensor's property, and how many of the file's units make one of the metric's.

    `plain` says that the sensor has a file without a property too, which takes the name that `input` has otherwise.
    """
    whole = {"beep_enable": "beep_enabled", "vrm": "voltage_regulator_version"}
    if kind in whole:
        return f"node_hwmon_{whole[kind]}", 1.0
    if kind == "update_interval":
        return "node_hwmon_update_interval_seconds", 1e3
    shown = "" if prop == "input" and not plain else clean_name(prop)
    name = f"node_hwmon_{kind}_{shown}" if shown else f"node_hwmon_{kind}"
    unit, per_unit = _unit(kind, prop)
    return name + unit, per_unit


def _unit(kind: str, prop: str) -> tuple[str, float]:
    match kind, prop:
        case _, "fault" | "alarm":
            return "", 1.0
        case _, "beep":
            return "_enabled", 1.0
        case "in" | "cpu", _:
            return "_volts", 1e3
        case "temp", _ if prop != "type":
            return "_celsius", 1e3
        case "curr", _:
            return "_amps", 1e3
        case "energy", _:
            return "_joule_total", 1e6
        case "power", "accuracy":
            return "", 1e6
        case "power", "average_interval" | "average_interval_min" | "average_interval_max":
            return "_seconds", 1e3
        case "power", _:
            return "_watt", 1e6
        case "humidity", _:
            return "", 1e6
        case "fan", "input" | "min" | "max" | "target":
            return "_rpm", 1.0
    return "", 1.0
