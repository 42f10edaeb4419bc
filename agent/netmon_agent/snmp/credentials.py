"""Who we are to a device: SNMP versions, communities, users and keys, and in which order they are tried."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import Field, SecretStr, model_validator

from netmon_configs.options import Options

AuthProtocol = Literal["md5", "sha1", "sha224", "sha256", "sha384", "sha512"]
PrivProtocol = Literal["des", "aes128", "aes192", "aes256"]

_FIRST_WAIT_S = 60.0
_LONGEST_WAIT_S = 3600.0
_LONGEST_SILENCE_S = 300.0


class Credential(Options):
    """One way to ask: a community for versions 1 and 2c; a user, with keys or without, for version 3."""

    name: str = Field(default="", max_length=128)
    version: Literal["1", "2c", "3"] = "2c"
    community: SecretStr | None = None
    user: str | None = Field(default=None, max_length=32)
    auth: AuthProtocol | None = None
    auth_password: SecretStr | None = None
    priv: PrivProtocol | None = None
    priv_password: SecretStr | None = None
    key_expansion: Literal["blumenthal", "reeder"] = "blumenthal"

    @model_validator(mode="after")
    def _fits(self) -> "Credential":
        if self.version == "3":
            if not self.user:
                raise ValueError("version 3 needs a user")
            if (self.auth is None) != (self.auth_password is None) or (self.priv is None) != (
                self.priv_password is None
            ):
                raise ValueError("auth and auth_password go together, and so do priv and priv_password")
            if self.priv and not self.auth:
                raise ValueError("priv needs auth")
            for name, secret in (("auth_password", self.auth_password), ("priv_password", self.priv_password)):
                if secret is not None and len(secret.get_secret_value()) < 8:
                    raise ValueError(f"{name} must have at least 8 characters (RFC 3414)")
        elif self.community is None:
            raise ValueError(f"version {self.version} needs a community")
        return self

    @property
    def title(self) -> str:
        """Names the credential without telling a secret."""
        return self.name or (f"v3 user {self.user}" if self.version == "3" else f"v{self.version} community")


@dataclass(slots=True)
class Tries:
    """Which credential a device takes, and when it may be tried again; times are seconds of a monotonic clock.

    The one that worked is tried alone, until the device refuses it; while the device is silent, it is kept. After a
    round in which all failed the next one waits, longer after each round: wrong passwords in quick order are what makes
    devices lock a user or an address out. Where nobody said no, the device may just be away, and the wait stays short.
    """

    known: int | None = None
    rounds: int = 0
    not_before_s: float = 0.0
    why: str = ""
    """What became of the last round, where it failed."""

    def order(self, credentials: Sequence[Credential], now_s: float) -> list[int]:
        """The places of the credentials to try now; the one that worked last alone, as long as it does."""
        if now_s < self.not_before_s:
            return []
        if self.known is not None and self.known < len(credentials):
            return [self.known]
        return list(range(len(credentials)))

    def worked(self, place: int) -> None:
        self.known, self.rounds, self.not_before_s, self.why = place, 0, 0.0, ""

    def failed(self, now_s: float, refused: bool, why: str = "") -> None:
        """None of those in the order worked; `refused` says that the device answered, and said no."""
        self.why = why
        if self.known is not None and not refused:
            return
        self.known = None
        longest_s = _LONGEST_WAIT_S if refused else _LONGEST_SILENCE_S
        self.not_before_s = now_s + min(longest_s, _FIRST_WAIT_S * 2**self.rounds)
        self.rounds = min(self.rounds + 1, 10)
