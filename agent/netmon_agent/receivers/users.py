"""Who may send notifications of SNMP version 3."""

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from netmon_configs.options import Options

AuthProtocol = Literal["md5", "sha1", "sha224", "sha256", "sha384", "sha512"]
PrivProtocol = Literal["des", "aes128", "aes192", "aes256"]


class SnmpUser(Options):
    """A user, and the least that protects what it sends; the passwords are each in a file."""

    user: str = Field(min_length=1, max_length=32)
    auth: AuthProtocol | None = None
    auth_password_file: Path | None = None
    priv: PrivProtocol | None = None
    priv_password_file: Path | None = None
    key_expansion: Literal["blumenthal", "reeder"] = "blumenthal"

    @model_validator(mode="after")
    def _fits(self) -> "SnmpUser":
        pairs = ((self.auth, self.auth_password_file), (self.priv, self.priv_password_file))
        if any((protocol is None) != (file is None) for protocol, file in pairs):
            raise ValueError("auth and auth_password_file go together, and so do priv and priv_password_file")
        if self.priv and not self.auth:
            raise ValueError("priv needs auth")
        return self


def password(file: Path | None) -> str | None:
    """What a file holds, without the end of its line. Raises OSError, ValueError."""
    if file is None:
        return None
    try:
        text = file.read_text(encoding="utf-8").strip("\r\n")
    except OSError as error:
        raise OSError(f"the password file {file} cannot be read: {error.strerror}") from None
    if len(text) < 8:
        raise ValueError(f"the password in {file} must have at least 8 characters (RFC 3414, section 11.2)")
    return text
