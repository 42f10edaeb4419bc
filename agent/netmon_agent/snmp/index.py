"""What the index of a row says, by the types of its parts."""

from collections.abc import Mapping

from netmon_agent.snmp.values import as_address, as_mac, as_prefix, as_text
from netmon_configs.profile import IndexPart


def index_parts(index: str, kinds: Mapping[str, IndexPart]) -> dict[str, str] | None:
    """The parts of an index as text, by name; None where the index is not made so.

    An unknown address (a type or length of nought) is empty text.
    """
    arcs = [int(arc) for arc in index.split(".")] if kinds else []
    found: dict[str, str] = {}
    place = 0
    for name, kind in kinds.items():
        part = _part(arcs, place, kind)
        if part is None:
            return None
        text, place = part
        if not name.startswith("_"):
            found[name] = text
    return found if place == len(arcs) else None


def _part(arcs: list[int], place: int, kind: IndexPart) -> tuple[str, int] | None:
    """The part that begins at a place, and where the next one begins; None where the arcs do not hold it."""
    if kind == "inet":
        place += 1
    size = {"number": 1, "ip": 4, "mask": 4, "mac": 6}.get(kind)
    if size is None:
        if place >= len(arcs):
            return None
        size, place = arcs[place], place + 1
    piece, end = arcs[place : place + size], place + size
    if len(piece) < size:
        return None
    if kind in ("number", "oid", "ip"):
        return ".".join(map(str, piece)), end
    if any(arc > 255 for arc in piece):
        return None
    shown = {"mac": as_mac, "mask": as_prefix, "inet": as_address}.get(kind, as_text)
    return shown(bytes(piece)), end
