"""Remote write as a sender makes it, message by message, independently of the decoders."""

import struct
from collections.abc import Iterable, Mapping, Sequence

import cramjam

from netmon_proto.model import Labels

Samples = Sequence[tuple[int, float]]
"""(Unix milliseconds, value)"""


def packed(message: bytes) -> bytes:
    """Snappy's block format."""
    return bytes(cramjam.snappy.compress_raw(message))


def varint(number: int) -> bytes:
    number &= (1 << 64) - 1
    written = bytearray()
    while number > 0x7F:
        written.append(number & 0x7F | 0x80)
        number >>= 7
    written.append(number)
    return bytes(written)


def field(number: int, content: bytes | int | float) -> bytes:
    """A field: bytes with their length, an int as a varint, a float in 8 bytes."""
    if isinstance(content, bytes):
        return varint(number << 3 | 2) + varint(len(content)) + content
    if isinstance(content, float):
        return varint(number << 3 | 1) + struct.pack("<d", content)
    return varint(number << 3) + varint(content)


def sample(time_ms: int, value: float) -> bytes:
    """Zeros are left out, as Go and others do."""
    is_zero = struct.pack("<d", value) == bytes(8)
    return (b"" if is_zero else field(1, value)) + (field(2, time_ms) if time_ms else b"")


def series(labels: Iterable[tuple[str, str]], samples: Samples) -> bytes:
    """A TimeSeries of 1.0."""
    pairs = [field(1, field(1, name.encode()) + field(2, value.encode())) for name, value in labels]
    return b"".join([*pairs, *(field(2, sample(*one)) for one in samples)])


def request(written: Mapping[Labels, Samples]) -> bytes:
    """A WriteRequest of 1.0."""
    return b"".join(field(1, series(labels, samples)) for labels, samples in written.items())


class Symbols:
    """The table of a request of 2.0."""

    def __init__(self) -> None:
        self.numbers = {"": 0}

    def __call__(self, text: str) -> int:
        return self.numbers.setdefault(text, len(self.numbers))

    def encoded(self) -> bytes:
        return b"".join(field(4, text.encode()) for text in self.numbers)


def series_2(symbols: Symbols, labels: Labels, samples: Samples, extra: bytes = b"") -> bytes:
    """A TimeSeries of 2.0."""
    references = b"".join(varint(symbols(text)) for pair in labels for text in pair)
    return field(1, references) + b"".join(field(2, sample(*one)) for one in samples) + extra


def request_2(written: Mapping[Labels, Samples]) -> bytes:
    """A Request of 2.0."""
    symbols = Symbols()
    body = b"".join(field(5, series_2(symbols, labels, samples)) for labels, samples in written.items())
    return symbols.encoded() + body
