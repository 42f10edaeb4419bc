"""A device out of a file: a .snmprec capture answers as the device did when it was walked."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from pathlib import Path

from netmon_agent.snmp.session import MOST_VALUES, Broken, Value

_TEXT = {"4", "68"}
_NUMBERS = {"2", "65", "66", "67", "70", "71"}
_HEX = "x"


class CaptureError(Exception):
    """A file that is no capture; as text, where and why."""


class Capture:
    """A session that answers from the varbinds of a capture."""

    def __init__(self, values: Mapping[str, Value]) -> None:
        self._values = {_key(oid): value for oid, value in values.items()}
        self._keys = sorted(self._values)

    @classmethod
    def of(cls, path: Path) -> "Capture":
        """Reads a file of snmpsim's format (`OID|TAG|VALUE`). Raises CaptureError."""
        values: dict[str, Value] = {}
        try:
            lines = path.read_bytes().splitlines()
        except OSError as error:
            raise CaptureError(f"{path}: {error.strerror or error}") from None
        for number, line in enumerate(lines, 1):
            if not line.strip() or line.startswith(b"#"):
                continue
            oid, tag, value = [*line.split(b"|", 2), b"", b""][:3]
            try:
                read = _value(tag.decode("ascii"), value)
                name = ".".join(str(int(arc)) for arc in oid.split(b"."))
            except ValueError:
                raise CaptureError(f"{path}:{number}: must be OID|TAG|VALUE") from None
            if read is not None:
                values[name] = read
        return cls(values)

    async def get(self, oids: Sequence[str]) -> Mapping[str, Value]:
        return {oid: self._values[key] for oid in oids if (key := _key(oid)) in self._values}

    async def walk(self, oid: str, rows: int = 0, most: int = MOST_VALUES) -> Mapping[str, Value]:
        root = _key(oid)
        found: dict[str, Value] = {}
        for place in range(bisect_left(self._keys, (*root, 0)), len(self._keys)):
            key = self._keys[place]
            if key[: len(root)] != root:
                break
            found[".".join(map(str, key[len(root) :]))] = self._values[key]
            if len(found) > most:
                raise Broken(f"more than {most:,} values", found)
        return found


def _key(oid: str) -> tuple[int, ...]:
    return tuple(map(int, oid.split(".")))


def _value(tag: str, written: bytes) -> Value | None:
    """What a line holds; None for NULL. Raises ValueError."""
    kind = tag.removesuffix(_HEX).partition(":")[0]
    raw = bytes.fromhex(written.decode("ascii")) if tag.endswith(_HEX) else written
    if kind in _TEXT:
        return raw
    if kind in _NUMBERS:
        return int(raw)
    if kind == "6":
        return raw.decode("ascii").removeprefix(".")
    if kind == "64":
        return ".".join(map(str, raw)) if len(raw) == 4 and tag.endswith(_HEX) else raw.decode("ascii")
    if kind in ("5", "128", "129", "130"):
        return None
    raise ValueError(f"unknown tag {tag}")
