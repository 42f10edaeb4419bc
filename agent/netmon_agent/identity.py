"""Who an agent is: an id and a key, made at the first start and kept in the state folder."""

import json
import os
import secrets
import uuid
from dataclasses import dataclass
from pathlib import Path

KEY_BYTES = 32


class IdentityDamaged(Exception):
    """The identity file cannot be read."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What the collector knows an agent by; the key proves that the id is its own."""

    agent_id: str
    agent_key: bytes


def load_identity(state: Path) -> Identity:
    """Reads the identity of a state folder, or makes it there. Raises IdentityDamaged, OSError."""
    path = state / "identity.json"
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return _make(path)
    try:
        fields = json.loads(text)
        identity = Identity(str(uuid.UUID(fields["agent_id"])), bytes.fromhex(fields["agent_key"]))
        if len(identity.agent_key) != KEY_BYTES:
            raise ValueError(f"the key has {len(identity.agent_key)} bytes instead of {KEY_BYTES}")
    except (ValueError, KeyError, TypeError) as error:
        raise IdentityDamaged(
            f"{path} cannot be read ({error}). Restore it from a backup; "
            "or delete it, then this host becomes a new device at the collector."
        ) from error
    return identity


def _make(path: Path) -> Identity:
    identity = Identity(str(uuid.uuid4()), secrets.token_bytes(KEY_BYTES))
    text = json.dumps({"agent_id": identity.agent_id, "agent_key": identity.agent_key.hex()})
    draft = path.with_suffix(".new")
    with open(draft, "w", encoding="utf-8", opener=_private) as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    return identity


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
