"""What a check tells of certificates: when they end, out of their DER encoding, and whose they are."""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

_SEQUENCE: Final = 0x30
_VERSION: Final = 0xA0
_UTC_TIME: Final = 0x17
_FIELDS_BEFORE_VALIDITY: Final = 3
"""Serial number, algorithm, issuer."""
_SHORT_NAMES: Final = {
    "serialNumber": "SERIALNUMBER",
    "commonName": "CN",
    "postalCode": "POSTALCODE",
    "streetAddress": "STREET",
    "stateOrProvinceName": "ST",
    "localityName": "L",
    "organizationalUnitName": "OU",
    "organizationName": "O",
    "countryName": "C",
}
"""In the order in which blackbox_exporter tells them."""
_ESCAPED: Final = str.maketrans({one: f"\\{one}" for one in ',+"\\<>;'})
_LONGEST_TEXT: Final = 500


def not_after_s(der: bytes) -> float | None:
    """Unix time in seconds; None where it cannot be read."""
    try:
        _, at, _ = _open(der, 0)
        _, at, _ = _open(der, at)
        tag, _, end = _open(der, at)
        if tag == _VERSION:
            at = end
        for _ in range(_FIELDS_BEFORE_VALIDITY):
            _, _, at = _open(der, at)
        tag, at, _ = _open(der, at)
        if tag != _SEQUENCE:
            return None
        _, _, at = _open(der, at)
        tag, at, end = _open(der, at)
        text = der[at:end].decode("ascii")
        if tag == _UTC_TIME:  # RFC 5280: two digits below 50 are of this century
            text = ("20" if int(text[:2]) < 50 else "19") + text
        return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC).timestamp()
    except (IndexError, ValueError):
        return None


def _open(der: bytes, at: int) -> tuple[int, int, int]:
    """Tag of the element at a place, where its content begins, and where it ends. Raises IndexError."""
    tag, length = der[at], der[at + 1]
    at += 2
    if length & 0x80:
        width = length & 0x7F
        length = int.from_bytes(der[at : at + width], "big")
        at += width
    if at + length > len(der):
        raise IndexError
    return tag, at, at + length


def whose(der: bytes, info: Mapping[str, Any]) -> dict[str, str]:
    """Labels that tell a certificate from others; `info` is what Python's ssl knows of it."""
    names = [value for kind, value in info.get("subjectAltName", ()) if kind == "DNS"]
    return {
        "fingerprint_sha256": hashlib.sha256(der).hexdigest(),
        "subject": _distinguished(info.get("subject", ())),
        "issuer": _distinguished(info.get("issuer", ())),
        "subjectalternative": ",".join(names)[:_LONGEST_TEXT],
    }


def _distinguished(parts: Any) -> str:
    """A name as RFC 2253 writes it."""
    values: dict[str, list[str]] = {}
    for part in parts:
        for kind, value in part:
            values.setdefault(kind, []).append(value.translate(_ESCAPED))
    known = [(short, values[kind]) for kind, short in _SHORT_NAMES.items() if kind in values]
    return ",".join("+".join(f"{short}={one}" for one in of_kind) for short, of_kind in known)[:_LONGEST_TEXT]
