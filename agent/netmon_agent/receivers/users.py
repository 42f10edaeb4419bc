"""Who may send notifications of SNMP version 3."""

from typing import Literal

from pydantic import Field, model_validator

from netmon_configs.options import FilePath, Options, Variable
from netmon_configs.secrets import Source, differ

AuthProtocol = Literal["md5", "sha1", "sha224", "sha256", "sha384", "sha512"]
PrivProtocol = Literal["des", "aes128", "aes192", "aes256"]


class SnmpUser(Options):
    """A user, and the least that protects what it sends; passwords are in files or in the environment."""

    user: str = Field(min_length=1, max_length=32)
    auth: AuthProtocol | None = None
    auth_password_file: FilePath | None = None
    auth_password_env: Variable | None = None
    priv: PrivProtocol | None = None
    priv_password_file: FilePath | None = None
    priv_password_env: Variable | None = None
    key_expansion: Literal["blumenthal", "reeder"] = "blumenthal"

    @model_validator(mode="after")
    def _fits(self) -> "SnmpUser":
        differ(self, "auth_password", "priv_password")
        pairs = ((self.auth, Source.of(self, "auth_password")), (self.priv, Source.of(self, "priv_password")))
        if any((protocol is None) == bool(source) for protocol, source in pairs):
            raise ValueError("auth and auth_password_file go together, and so do priv and priv_password_file")
        if self.priv and not self.auth:
            raise ValueError("priv needs auth")
        return self


def password(source: Source) -> str | None:
    """What keys are made of; None where there is none. Raises NoSecret, ValueError."""
    text = source.read()
    if text is not None and len(text) < 8:
        raise ValueError(f"the password in {source} must have at least 8 characters (RFC 3414, section 11.2)")
    return text
