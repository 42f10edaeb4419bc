"""The types that configuration files are made of: strict options, durations, sizes, listen addresses."""

import re
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Annotated

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    model_validator,
)


class Options(BaseModel):
    """A block of a configuration file: unknown keys are mistakes, nothing changes after loading.

    Validators are built when a block is first checked. A daemon, which gets its blocks checked, never builds one; so
    give blocks that are defaults by `default_factory`.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        validate_by_alias=True,
        validate_by_name=True,
        validate_default=True,
        defer_build=True,
    )


class OptionsAsWritten(Options):
    """A block in a format of Go programs, read as they read it: where text is wanted it is as written (`version: 1.50`
    is "1.50"), and a key without a value is as good as not there."""

    @model_validator(mode="before")
    @classmethod
    def _nothing_is_not_said(cls, value: object) -> object:
        return {key: one for key, one in value.items() if one is not None} if isinstance(value, dict) else value


_DURATION_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0, "y": 31536000.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|[smhdwy])")


def parse_duration_s(value: object) -> float:
    """Seconds from "90s", "1h30m", "30d" (Prometheus' units), or from a plain number of seconds."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError("must be a duration such as 30s, 5m or 1h30m")
    if isinstance(value, int | float):
        return float(value)
    if re.fullmatch(r"\d+(?:\.\d+)?", value, re.ASCII):
        return float(value)
    parts = _DURATION.findall(value)
    if not parts or "".join(number + unit for number, unit in parts) != value.replace(" ", ""):
        raise ValueError("must be a duration such as 30s, 5m or 1h30m")
    return sum(float(number) * _DURATION_S[unit] for number, unit in parts)


_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kKMGT]i?B|B|)")
_SIZE_BYTES = {"B": 1, "": 1} | {
    f"{letter}{middle}B": base**power
    for power, letter in enumerate("KMGT", 1)
    for middle, base in (("", 1000), ("i", 1024))
}


def parse_size_bytes(value: object) -> int:
    """Bytes from "512MiB", "2GB" or a plain number."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    match = _SIZE.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise ValueError("must be a size such as 512MiB or 2GB")
    return int(float(match[1]) * _SIZE_BYTES[match[2].replace("k", "K")])


Duration = Annotated[float, BeforeValidator(parse_duration_s)]
"""Seconds; written as 30s, 5m, 1h30m."""

Size = Annotated[int, BeforeValidator(parse_size_bytes)]
"""Bytes; written as 512MiB, 2GB."""


def _beside(path: Path, info: ValidationInfo) -> Path:
    folder = (info.context or {}).get("folder")
    return folder / path if isinstance(folder, Path) else path


FilePath = Annotated[Path, AfterValidator(_beside)]
"""A file or folder that an option names; one that does not begin at the root is looked for beside the configuration
file."""

Variable = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,254}$")]
"""The name of a variable of the environment."""


def split_address(value: str) -> tuple[str, int]:
    """Host and port of "host:port" or "[v6]:port". Raises ValueError."""
    host, colon, port = value.rpartition(":")
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if not colon or not bare or not port.isdecimal() or (":" in bare and bare == host):
        raise ValueError("must be an address such as 127.0.0.1:7440, host.example:7441 or [::1]:7440")
    if not 0 <= int(port) <= 65535:
        raise ValueError(f"must have a port from 0 to 65535 (got {port})")
    return bare, int(port)


def _checked_address(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("must be an address such as 127.0.0.1:7440, host.example:7441 or [::1]:7440")
    split_address(value)
    return value


def _checked_peer(value: object) -> str:
    return value if isinstance(value, str) and value.startswith("unix:/") else _checked_address(value)


Address = Annotated[str, BeforeValidator(_checked_address)]
"""host:port, IPv6 hosts in brackets."""

PeerAddress = Annotated[str, BeforeValidator(_checked_peer)]
"""host:port, or unix:/path of a socket on this machine."""


def is_this_machine(peer: str) -> bool:
    """Whether a PeerAddress stays on this machine."""
    return peer.startswith("unix:") or is_loopback(split_address(peer)[0])


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a host given by name or address."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _network(value: object) -> IPv4Network | IPv6Network:
    if isinstance(value, IPv4Network | IPv6Network):
        return value
    try:
        return ip_network(value if isinstance(value, str) else "", strict=False)
    except ValueError:
        raise ValueError(f"must be an address or a network such as 10.0.0.0/8 (got {value!r})") from None


Networks = tuple[Annotated[IPv4Network | IPv6Network, BeforeValidator(_network)], ...]
