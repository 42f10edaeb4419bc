"""Keeps secrets unreadable at rest: sealed with a key that lies in a file of its own, for its owner alone.

cryptography is imported where something is sealed or opened, and not before: who keeps no secrets does not pay for it.
"""

import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Final

_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12


class SealBroken(Exception):
    """What was sealed cannot be opened; says why and what to do, and nothing of what is in it."""


class Sealer:
    """Seals with AES-256-GCM. The key file is made, with mode 0600, when something is sealed for the first time."""

    def __init__(self, key_file: Path) -> None:
        self._key_file = key_file
        self._key: bytes | None = None

    def seal(self, content: bytes, purpose: str) -> bytes:
        """The content, unreadable; `purpose` has to be said again to open it. Raises SealBroken, OSError."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        if self._key is None and not self._key_file.exists():
            _make(self._key_file)
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + AESGCM(self._read()).encrypt(nonce, content, purpose.encode())

    def open(self, sealed: bytes, purpose: str) -> bytes:
        """What `seal` was given. Raises SealBroken."""
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        nonce, rest = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        try:
            return AESGCM(self._read()).decrypt(nonce, rest, purpose.encode())
        except (InvalidTag, ValueError):
            raise SealBroken(
                f"{self._key_file} is not the key that {purpose!r} was sealed with, or what was sealed is damaged"
            ) from None

    def _read(self) -> bytes:
        if self._key is None:
            try:
                key = self._key_file.read_bytes()
            except OSError as error:
                raise SealBroken(f"the key {self._key_file} cannot be read: {error.strerror}") from None
            if len(key) != _KEY_BYTES:
                raise SealBroken(f"{self._key_file} is no key: it has {len(key)} bytes instead of {_KEY_BYTES}")
            self._key = key
        return self._key


def write_private(path: Path, content: bytes) -> None:
    """Writes a file for its owner alone; after a crash there is the old one or the new one, whole. Raises OSError."""
    draft = path.with_name(f"{path.name}.new")
    with open(draft, "wb", opener=_private) as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def _make(path: Path) -> None:
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    write_private(draft, secrets.token_bytes(_KEY_BYTES))
    try:
        with suppress(FileExistsError):  # another process was first: its key is the one
            os.link(draft, path)
    finally:
        draft.unlink()


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
