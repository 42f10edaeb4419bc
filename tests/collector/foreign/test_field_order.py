"""Protocol Buffers let fields come in any order, packed or not, in parts, and with unknown ones among them."""

import struct
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netmon_collector.foreign import remote_write, remote_write_2
from netmon_collector.foreign.base import BadBody, Family
from netmon_collector.foreign.unusual import MOST_BYTES
from netmon_proto.model import Labels
from tests.collector.foreign.test_remote_write import UP, bits, bodies, read
from tests.support.write_requests import Samples, Symbols, field, sample, series, varint

Draw = Callable[[st.SearchStrategy[Any]], Any]

unknown = st.builds(
    lambda number, content: fixed32(number) if content is None else field(number, content),
    st.sampled_from([7, 9, 15, 16, 2000, (1 << 29) - 1]),
    st.one_of(st.none(), st.binary(max_size=200), st.integers(0, 1 << 63), st.floats()),
)


def fixed32(number: int) -> bytes:
    return varint(number << 3 | 5) + struct.pack("<I", 7)


def shuffled(draw: Draw, *kinds: Iterable[bytes]) -> bytes:
    """The fields of a message in any order, but for that of those of one kind, among unknown ones."""
    waiting = [list(kind) for kind in (*kinds, draw(st.lists(unknown, max_size=2)))]
    turns = draw(st.permutations([at for at, kind in enumerate(waiting) for _ in kind]))
    return b"".join(waiting[at].pop(0) for at in turns)


def sample_of(draw: Draw, time_ms: int, value: float) -> bytes:
    """Of fields that may be there once the last stands."""
    values = [field(1, 77.5)] * draw(st.integers(0, 1)) + [field(1, value)]
    return shuffled(draw, values, [field(2, time_ms)])


def request_of(draw: Draw, body: Mapping[Labels, Samples]) -> bytes:
    def label(name: str, value: str) -> bytes:
        return field(1, shuffled(draw, [field(1, name.encode())], [field(2, value.encode())]))

    def one(labels: Labels, samples: Samples) -> bytes:
        return shuffled(draw, [label(*pair) for pair in labels], [field(2, sample_of(draw, *at)) for at in samples])

    about = field(3, field(2, b"up") + field(1, 2))
    return shuffled(draw, [field(1, one(*pair)) for pair in body.items()], [about])


def request_2_of(draw: Draw, body: Mapping[Labels, Samples]) -> bytes:
    symbols = Symbols()

    def references(labels: Labels) -> list[bytes]:
        """Packed, one by one, or some of either."""
        left = [symbols(text) for pair in labels for text in pair]
        parts = []
        while left:
            packed = draw(st.integers(0, len(left)))
            parts.append(field(1, b"".join(map(varint, left[:packed]))) if packed else field(1, left[0]))
            left = left[packed or 1 :]
        return parts

    def one(labels: Labels, samples: Samples) -> bytes:
        about = [field(5, field(1, 2)), field(5, field(3, symbols("Help.")))] if labels == UP else []
        return shuffled(draw, references(labels), [field(2, sample_of(draw, *at)) for at in samples], about)

    found = [field(5, one(*pair)) for pair in body.items()]
    return shuffled(draw, [field(4, text.encode()) for text in symbols.numbers], found)


@pytest.mark.parametrize(
    ("encode", "decode"),
    [(request_of, remote_write.decode), (request_2_of, remote_write_2.decode)],
    ids=["1.0", "2.0"],
)
@given(body=bodies, data=st.data())
def test_the_order_of_fields_means_nothing(
    encode: Callable[..., bytes], decode: Callable[..., Any], body: dict[Labels, list[tuple[int, float]]], data: Any
) -> None:
    body = body | {UP: [(1763671234567, 1.5), (1, float("nan"))]}
    written = decode(encode(data.draw, body))
    assert read(written) == {
        labels: [(time, bits(value)) for time, value in samples] for labels, samples in body.items()
    }
    assert written.families == {"up": Family("gauge", "" if decode is remote_write.decode else "Help.")}


def test_histograms_are_still_told_of() -> None:
    told = field(4, field(3, 1.5))
    (complaint,) = remote_write.decode(field(1, told + series(UP, [(1, 2.0)]))).complaints
    assert "native histograms are not stored" in complaint.message


def test_what_is_put_in_order_first_is_bounded() -> None:
    odd = field(1, field(2, sample(1, 2.0)) + series(UP, []))
    many = MOST_BYTES // len(odd) + 1
    assert len(remote_write.decode(odd * 1000).series) == 1000
    with pytest.raises(BadBody, match="in an unusual order, at most 4194304 bytes are taken"):
        remote_write.decode(odd * many)
    with pytest.raises(BadBody, match="more than 50000 labels and samples in one series"):
        remote_write.decode(field(1, field(9, 1) + field(2, b"") * 60_000 + field(1, b"")))
