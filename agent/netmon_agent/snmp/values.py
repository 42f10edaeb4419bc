"""Raw values as text, numbers and addresses. Devices send anything: broken UTF-8, NULs, numbers in words."""

import re

from netmon_agent.snmp.session import Value
from netmon_configs.reference import Form

LONGEST_TEXT = 4096
_ADDRESSES = {4: (0, 4), 5: (1, 4), 8: (0, 4), 16: (0, 16), 17: (1, 16), 20: (0, 16)}
_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?")


def as_text(value: Value) -> str:
    """A value as text that may be shown and matched: UTF-8, else Latin-1, without NULs and outer spaces."""
    if isinstance(value, bytes):
        cut = value[:LONGEST_TEXT].rstrip(b"\0")
        try:
            text = cut.decode()
        except UnicodeDecodeError as error:
            if error.start and error.reason == "unexpected end of data":  # the device cut it to its length
                return as_text(cut[: error.start])
            if len(value) <= 8 or any(byte < 9 for byte in cut):
                return value[:64].hex()
            text = cut.decode("latin-1")
        return text.replace("\0", "").strip()
    return str(value).strip() if not isinstance(value, float) else f"{value:g}"


def as_number(value: Value, pattern: re.Pattern[str] | None = None) -> float | None:
    """A value as a number, or None; of text, what the pattern's first group holds, else the first number in it."""
    if not isinstance(value, str | bytes):
        return float(value)
    text = as_text(value)
    if pattern is not None:
        match = pattern.search(text)
        if match is None:
            return None
        text = match[1] if match.re.groups else match[0]
    match = _NUMBER.match(text.replace(" ", "")) or _NUMBER.search(text)
    return float(match[0]) if match else None


def as_mac(value: Value) -> str:
    """`00:1a:2b:3c:4d:5e`; text stays text."""
    if isinstance(value, bytes) and 0 < len(value) <= 8:
        return value.hex(":")
    return as_text(value)


def as_address(value: Value) -> str:
    """An IPv4 or IPv6 address from its octets; a number before or a zone behind them is left out.

    LLDP and CDP put the family's number before the octets, RFC 4001 the zone behind them.
    """
    if not isinstance(value, bytes) or len(value) not in _ADDRESSES:
        return as_text(value)
    before, size = _ADDRESSES[len(value)]
    octets = value[before : before + size]
    if size == 4:
        return ".".join(map(str, octets))
    from ipaddress import IPv6Address

    return str(IPv6Address(octets))


def as_prefix(value: Value) -> str:
    """A netmask as the length of its prefix; empty where it is none."""
    text = as_address(value)
    from ipaddress import IPv4Network

    try:
        return str(IPv4Network(f"0.0.0.0/{text}").prefixlen)
    except ValueError:
        return ""


def as_date(value: Value) -> str:
    """RFC 2579's DateAndTime as `2026-11-20 10:30:00`."""
    if isinstance(value, bytes) and len(value) in (8, 11):
        year, (month, day, hour, minute, second) = int.from_bytes(value[:2], "big"), value[2:7]
        return f"{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}"
    return as_text(value)


def formed(value: Value, form: Form) -> str:
    """A value in the form that a profile asks for."""
    match form:
        case "mac":
            return as_mac(value)
        case "ip":
            return as_address(value)
        case "prefix":
            return as_prefix(value)
        case "date":
            return as_date(value)
        case "hex":
            return value.hex() if isinstance(value, bytes) else as_text(value)
        case "number":
            number = as_number(value)
            return "" if number is None else f"{number:g}"
    return as_text(value)
