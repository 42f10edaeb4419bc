"""What a backup is made of: files under fixed names, and last the manifest, which has the checksum of each."""

import json
import re
from dataclasses import asdict, dataclass
from typing import Final

FORMAT: Final = 1
MANIFEST: Final = "manifest.json"
STATE: Final = "state.sqlite"
MANIFEST_BYTES: Final = 64 << 20
PIECE_BYTES: Final = 1 << 20
_NAME: Final = re.compile(r"store/[\w.-]+\.(chunks|catalog|log)|state\.sqlite")


class BackupError(Exception):
    """A backup cannot be made now; says why."""


class BackupDamaged(Exception):
    """What was read is no backup, or not what it was when it was made; one line for each thing that is wrong."""


@dataclass(frozen=True, slots=True)
class Item:
    """A file of a backup. sha256 is in hexadecimal digits."""

    name: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """All files of a backup; `made` is RFC 3339 in UTC, `netmon` the version that made it.

    `outside` names the database that the state is in where that is no file of the backup.
    """

    made: str
    netmon: str
    files: tuple[Item, ...]
    outside: str = ""

    def dump(self) -> bytes:
        return json.dumps({"format": FORMAT, **asdict(self)}, indent=1).encode()

    @classmethod
    def load(cls, data: bytes) -> "Manifest":
        """Raises BackupDamaged."""
        try:
            plain = json.loads(data)
            if plain["format"] > FORMAT:
                raise BackupDamaged(f"it was made by a newer netmon ({plain['netmon']}): restore it with that one")
            files = tuple(Item(str(one["name"]), int(one["bytes"]), str(one["sha256"])) for one in plain["files"])
            return cls(str(plain["made"]), str(plain["netmon"]), files, str(plain.get("outside", "")))
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise BackupDamaged(f"{MANIFEST} cannot be read") from error

    @property
    def size_bytes(self) -> int:
        return sum(item.bytes for item in self.files)


def is_member(name: str) -> bool:
    """Whether a backup may have a file of this name; no other is ever written anywhere."""
    return _NAME.fullmatch(name) is not None
