"""Notifications of SNMP as bytes, without a program that sends them."""

LINK_DOWN = "1.3.6.1.6.3.1.1.5.3"


def tlv(tag: int, content: bytes) -> bytes:
    length = len(content)
    return bytes((tag, length) if length < 128 else (tag, 0x82, length >> 8, length & 0xFF)) + content


def number(value: int, length: int = 4, tag: int = 2) -> bytes:
    return tlv(tag, value.to_bytes(length, "big"))


def oid(text: str) -> bytes:
    first, second, *rest = map(int, text.split("."))
    parts = [bytes((40 * first + second,))]
    for part in rest:
        digits = [part & 0x7F]
        while part := part >> 7:
            digits.append(part & 0x7F | 0x80)
        parts.append(bytes(reversed(digits)))
    return tlv(6, b"".join(parts))


def bindings(index: int) -> bytes:
    """Those of linkDown and the name of the interface; `index` is ifIndex, in four bytes."""
    values = {
        "1.3.6.1.2.1.2.2.1.1.7": number(index),
        "1.3.6.1.2.1.2.2.1.7.7": number(1, 1),
        "1.3.6.1.2.1.2.2.1.8.7": number(2, 1),
        "1.3.6.1.2.1.31.1.1.1.1.7": tlv(4, b"GigabitEthernet1/0/7"),
    }
    return b"".join(tlv(0x30, oid(name) + value) for name, value in values.items())


def trap_v2(index: int, tag: int = 0xA7) -> bytes:
    """linkDown of version 2c; with the tag 0xA6 an inform."""
    uptime = tlv(0x30, oid("1.3.6.1.2.1.1.3.0") + number(4242, 2, 0x43))
    what = tlv(0x30, oid("1.3.6.1.6.3.1.1.4.1.0") + oid(LINK_DOWN))
    pdu = tlv(tag, number(1, 1) + number(0, 1) + number(0, 1) + tlv(0x30, uptime + what + bindings(index)))
    return tlv(0x30, number(1, 1) + tlv(4, b"public") + pdu)


def trap_v1(index: int) -> bytes:
    """linkDown of version 1."""
    head = oid("1.3.6.1.4.1.9.1.1") + tlv(0x40, b"\xc0\x00\x02\x07") + number(2, 1) + number(0, 1)
    pdu = tlv(0xA4, head + number(99, 1, 0x43) + tlv(0x30, bindings(index)))
    return tlv(0x30, number(0, 1) + tlv(4, b"public") + pdu)


def message_v3() -> bytes:
    """A message of version 3 whose content nobody can read."""
    head = tlv(0x30, number(7) + number(65_507) + tlv(4, b"\3") + number(3, 1))
    engine = tlv(4, b"\x80\0\0\0\1\2\3\4")
    usm = engine + number(2, 1) + number(900, 2) + tlv(4, b"trapper") + tlv(4, bytes(12)) + tlv(4, bytes(8))
    return tlv(0x30, number(3, 1) + head + tlv(4, tlv(0x30, usm)) + tlv(4, bytes(range(64))))
