"""Names out of MIB files, as vendors publish them: for people who look at a walk, never needed by a daemon."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from netmon_cli.failure import Exit, Failure

LARGEST_BYTES = 16 << 20
ROOTS = {
    "iso": "1", "org": "1.3", "dod": "1.3.6", "internet": "1.3.6.1", "directory": "1.3.6.1.1", "mgmt": "1.3.6.1.2",
    "mib-2": "1.3.6.1.2.1", "transmission": "1.3.6.1.2.1.10", "experimental": "1.3.6.1.3", "private": "1.3.6.1.4",
    "enterprises": "1.3.6.1.4.1", "security": "1.3.6.1.5", "snmpV2": "1.3.6.1.6", "snmpDomains": "1.3.6.1.6.1",
    "snmpProxys": "1.3.6.1.6.2", "snmpModules": "1.3.6.1.6.3", "zeroDotZero": "0.0", "ccitt": "0",
}  # fmt: skip
"""What all others stand under (RFC 2578)."""
_COMMENT = re.compile(rb"[^\t\n\r -~]")


@dataclass(frozen=True, slots=True)
class MibObject:
    """What a MIB says of an object; `words` are its values in words."""

    oid: str
    name: str
    module: str
    syntax: str = ""
    units: str = ""
    words: Mapping[int, str] = field(default_factory=dict)


class Names:
    """The objects of MIBs, by OID."""

    def __init__(self, objects: Mapping[str, MibObject]) -> None:
        self._objects = objects

    def __len__(self) -> int:
        return len(self._objects)

    def of(self, oid: str) -> tuple[MibObject, str] | None:
        """The object that an OID belongs to, and what of the OID is behind it; None where no MIB knows it."""
        known, rest = oid, ""
        while known:
            if (found := self._objects.get(known)) is not None:
                return found, rest
            known, _, arc = known.rpartition(".")
            rest = f"{arc}.{rest}" if rest else arc
        return None

    def written(self, oid: str) -> str:
        """An OID with a name in front, as far as one is known."""
        found = self.of(oid)
        return oid if found is None else f"{found[0].name}.{found[1]}".rstrip(".")


def read_mibs(paths: Sequence[Path]) -> Names:
    """Reads MIB files, and those in folders. Raises Failure where none can be read, with what is wrong with each."""
    try:
        from pysmi.error import PySmiError
        from pysmi.parser.dialect import smi_v1_relaxed
        from pysmi.parser.smi import parserFactory
    except ImportError:
        raise Failure(Exit.USAGE, "to read MIBs, netmon needs pysmi", "pip install 'netmon[mibs]'") from None
    parser = parserFactory(**smi_v1_relaxed)()
    declared: dict[str, tuple[str, list[Any]]] = {}
    wrong: list[str] = []
    for file in _files(paths):
        try:
            parser.reset()
            for module, _, _, declarations in parser.parse(_text(file)):
                declared.update({one[1]: (module, list(one)) for one in declarations or () if _place(one) is not None})
        except (PySmiError, OSError, RecursionError) as error:
            wrong.append(f"{file}: {' '.join(str(error).split())[:200]}")
    if not declared:
        raise Failure(Exit.USAGE, "no MIB could be read", "\n".join(wrong[:10]))
    found = (_object(name, module, one, declared) for name, (module, one) in declared.items())
    return Names({one.oid: one for one in found if one is not None})


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths:
        if not path.exists():
            raise Failure(Exit.USAGE, f"{path}: no such file or folder", "Give MIB files, or folders with MIB files.")
        found = sorted(path.rglob("*")) if path.is_dir() else [path]
        yield from (one for one in found if one.is_file() and one.stat().st_size <= LARGEST_BYTES)


def _text(file: Path) -> str:
    """As ASCII, which SMI is; vendors write quotes and names in any encoding."""
    return _COMMENT.sub(b" ", file.read_bytes()).decode("ascii")


def _place(declaration: Any) -> list[Any] | None:
    """Where a declaration stands: its parent's name, or numbers."""
    last = declaration[-1] if isinstance(declaration, tuple) else None
    return last[1] if isinstance(last, tuple) and last and last[0] == "objectIdentifier" else None


def _object(name: str, module: str, one: list[Any], declared: Mapping[str, tuple[str, list[Any]]]) -> MibObject | None:
    oid = _oid(name, declared)
    if oid is None:
        return None
    syntax = one[2] if one[0] == "objectTypeClause" else None
    units = next((part[1] for part in one if isinstance(part, tuple) and part[:1] == ("UNITS",)), "")
    return MibObject(oid, name, module, _type(syntax), units, _words(syntax))


def _oid(name: str, declared: Mapping[str, tuple[str, list[Any]]]) -> str | None:
    """Follows the parents up to a root; None where one is missing, or they go in a circle."""
    arcs: list[str] = []
    for _ in range(128):
        if name in ROOTS:
            return ".".join([ROOTS[name], *reversed(arcs)])
        if name not in declared:
            return None
        first, *rest = _place(tuple(declared[name][1])) or [None]
        numbers = [str(arc[1] if isinstance(arc, tuple) else arc) for arc in rest]
        arcs += reversed(numbers)
        if isinstance(first, int):
            return ".".join([str(first), *reversed(arcs)])
        name = str(first[0] if isinstance(first, tuple) else first)
    return None


def _type(syntax: Any) -> str:
    names = [part for part in syntax or () if isinstance(part, str)]
    return names[1] if len(names) > 1 else ""


def _words(syntax: Any) -> dict[int, str]:
    spec = next((part for part in syntax or () if isinstance(part, tuple) and part[:1] == ("enumSpec",)), None)
    return {number: word for word, number in spec[1]} if spec is not None else {}
