"""SNMP's traps and informs, versions 1 and 2c, from the bytes of a datagram in one pass over them.

RFC 1157 and RFC 3416 in the encoding of X.690; version 1 becomes version 2 as RFC 3584, section 3.1, has it. Ten times
as fast as a library that builds objects for every value, which is what a storm of traps takes.
"""

from functools import lru_cache
from typing import Final, NamedTuple

from netmon_agent.snmp.session import Value

SYS_UPTIME: Final = "1.3.6.1.2.1.1.3.0"
TRAP_OID: Final = "1.3.6.1.6.3.1.1.4.1.0"
TRAP_ADDRESS: Final = "1.3.6.1.6.3.18.1.3.0"
GENERIC: Final = "1.3.6.1.6.3.1.1.5"
"""Below it are coldStart and the other five that version 1 numbers."""

MOST_BINDINGS: Final = 256
_LONGEST_OID: Final = 128  # RFC 2578, section 3.5
_INTEGER, _OCTETS, _NULL, _OID, _SEQUENCE = 0x02, 0x04, 0x05, 0x06, 0x30
_ADDRESS = 0x40
_UNSIGNED = frozenset((0x41, 0x42, 0x43, 0x46, 0x47))  # Counter32, Gauge32, TimeTicks, Counter64, UInteger32
_TRAP_V1, _INFORM, _TRAP, _RESPONSE = 0xA4, 0xA6, 0xA7, 0xA2
_VERSIONS = {0: "1", 1: "2c", 3: "3"}
_ENTERPRISE_SPECIFIC = 6


class Malformed(ValueError):
    """Bytes that are no notification; says where they stop being one."""


class Notification(NamedTuple):
    """What a device tells. `bindings` are without sysUpTime and snmpTrapOID, which lead them, in SNMPv2's order.

    `agent_address` is the one that the notification itself names, else empty. `reply` is what acknowledges an inform,
    None of a trap. `engine_id` is of version 3, else empty.
    """

    version: str
    community: bytes
    oid: str
    uptime_cs: int | None
    agent_address: str
    bindings: tuple[tuple[str, Value], ...]
    request_id: int | None = None
    reply: bytes | None = None
    engine_id: bytes = b""


def version_of(message: bytes) -> str:
    """The version of SNMP of a message. Raises Malformed."""
    try:
        tag, at, stop = read_header(message, 0, len(message))
        if tag != _SEQUENCE:
            raise Malformed("does not begin as a message of SNMP")
        return _version(read_integer(message, at, stop)[0])
    except IndexError:
        raise Malformed("ends too early") from None


def decode(message: bytes) -> Notification:
    """A notification of version 1 or 2c. Raises Malformed."""
    try:
        return _decode(message)
    except IndexError:
        raise Malformed("ends too early") from None


def notification_of(version: str, community: bytes, bindings: list[tuple[str, Value]]) -> Notification:
    """The bindings of SNMPv2's PDU as what they tell. Raises Malformed where they do not say what happened."""
    oid, uptime, agent_address, rest = "", None, "", []
    for binding in bindings:
        name, value = binding
        if name == TRAP_OID:
            oid = str(value)
        elif name == SYS_UPTIME and uptime is None and isinstance(value, int):
            uptime = value
        elif name == TRAP_ADDRESS and isinstance(value, str):
            agent_address = value
        else:
            rest.append(binding)
    if not oid:
        raise Malformed("has no snmpTrapOID: it does not say what happened")
    return Notification(version, community, oid, uptime, agent_address, tuple(rest))


def _decode(message: bytes) -> Notification:
    tag, at, end = read_header(message, 0, len(message))
    if tag != _SEQUENCE:
        raise Malformed("does not begin as a message of SNMP")
    number, at = read_integer(message, at, end)
    version = _version(number)
    tag, start, at = read_header(message, at, end)
    if tag != _OCTETS:
        raise Malformed("has no community")
    community = message[start:at]
    pdu_at = at
    tag, at, stop = read_header(message, at, end)
    if tag == _TRAP_V1 and version == "1":
        return _decode_v1(message, at, stop, community)
    if tag not in (_TRAP, _INFORM) or version != "2c":
        raise Malformed(f"holds a PDU of type 0x{tag:02x}, which is no notification of version {version}")
    request_id, at = read_integer(message, at, stop)
    _, at = read_integer(message, at, stop)
    _, at = read_integer(message, at, stop)
    found = notification_of(version, community, _bindings(message, at, stop))
    if tag == _TRAP:
        return found
    reply = message[:pdu_at] + bytes((_RESPONSE,)) + message[pdu_at + 1 : end]
    return found._replace(request_id=request_id, reply=reply)


def _decode_v1(message: bytes, at: int, stop: int, community: bytes) -> Notification:
    tag, start, at = read_header(message, at, stop)
    if tag != _OID:
        raise Malformed("has no enterprise")
    enterprise = oid_text(message[start:at])
    tag, start, at = read_header(message, at, stop)
    if tag != _ADDRESS or at - start != 4:
        raise Malformed("has no agent's address")
    address = "{}.{}.{}.{}".format(*message[start:at])
    generic, at = read_integer(message, at, stop)
    specific, at = read_integer(message, at, stop)
    tag, start, at = read_header(message, at, stop)
    uptime = int.from_bytes(message[start:at], "big")
    is_own = generic == _ENTERPRISE_SPECIFIC
    if not is_own and not 0 <= generic < _ENTERPRISE_SPECIFIC:
        raise Malformed(f"is of the generic kind {generic}, which there is not")
    oid = f"{enterprise}.0.{specific}" if is_own else f"{GENERIC}.{generic + 1}"
    bindings = tuple(_bindings(message, at, stop))
    return Notification("1", community, oid, uptime, "" if address == "0.0.0.0" else address, bindings)  # noqa: S104


def _bindings(data: bytes, at: int, stop: int) -> list[tuple[str, Value]]:
    tag, at, stop = read_header(data, at, stop)
    if tag != _SEQUENCE:
        raise Malformed("has no list of bindings")
    found: list[tuple[str, Value]] = []
    while at < stop:
        tag, start, at = read_header(data, at, stop)
        if tag != _SEQUENCE:
            raise Malformed("has a binding that is none")
        tag, start, middle = read_header(data, start, at)
        if tag != _OID:
            raise Malformed("has a binding without a name")
        name = oid_text(data[start:middle])
        tag, start, end = read_header(data, middle, at)
        found.append((name, _value(tag, data[start:end])))
        if len(found) > MOST_BINDINGS:
            raise Malformed(f"has more than {MOST_BINDINGS} bindings")
    return found


def _value(tag: int, content: bytes) -> Value:
    if tag == _OCTETS:
        return content
    if tag == _INTEGER or tag in _UNSIGNED:
        if len(content) > 9:
            raise Malformed(f"has a number of {len(content)} bytes")
        return int.from_bytes(content, "big", signed=tag == _INTEGER)
    if tag == _OID:
        return oid_text(content)
    if tag == _ADDRESS and len(content) == 4:
        return "{}.{}.{}.{}".format(*content)
    return content  # NULL, Opaque, what did not exist, and what we do not know


def read_integer(data: bytes, at: int, stop: int) -> tuple[int, int]:
    """An INTEGER and the place after it. Raises Malformed, IndexError."""
    tag, start, end = read_header(data, at, stop)
    if tag != _INTEGER or not 0 < end - start <= 9:
        raise Malformed("has no number where one must be")
    return int.from_bytes(data[start:end], "big", signed=True), end


def _version(number: int) -> str:
    if number not in _VERSIONS:
        raise Malformed(f"is of version {number} of SNMP, which there is not")
    return _VERSIONS[number]


def read_header(data: bytes, at: int, end: int) -> tuple[int, int, int]:
    """Tag, beginning and end of what stands at a place, which `end` bounds. Raises Malformed, IndexError."""
    length = data[at + 1]
    start = at + 2
    if length & 0x80:
        more = length & 0x7F
        if not 0 < more <= 4:
            raise Malformed("has a length of no definite form")
        start += more
        length = int.from_bytes(data[at + 2 : start], "big")
    stop = start + length
    if stop > end:
        raise Malformed("has a length that goes beyond its end")
    return data[at], start, stop


@lru_cache(maxsize=8192)
def oid_text(content: bytes) -> str:
    """An object identifier from its bytes. Raises Malformed."""
    if not content or len(content) > 4 * _LONGEST_OID or content[-1] & 0x80:
        raise Malformed("has an object identifier that is none")
    parts: list[int] = []
    part = 0
    for byte in content:
        part = part << 7 | byte & 0x7F
        if part > 0xFFFFFFFF:
            raise Malformed("has an object identifier with a number beyond 32 bits")
        if not byte & 0x80:
            parts.append(part)
            part = 0
    if len(parts) > _LONGEST_OID:
        raise Malformed(f"has an object identifier of more than {_LONGEST_OID} numbers")
    first = min(parts[0] // 40, 2)
    return ".".join(map(str, (first, parts[0] - 40 * first, *parts[1:])))
