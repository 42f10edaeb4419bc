"""The hash of limit_ratio is xxHash, over labels as Prometheus lays them out."""

import pytest

from netmon_collector.query.hashes import share_of, xxh64


@pytest.mark.parametrize(
    ("data", "known"),
    [
        (b"", 0xEF46DB3751D8E999),
        (b"a", 0xD24EC4F1A98C6E5B),
        (b"abc", 0x44BC2CF5AD770999),
        (b"Nobody inspects the spammish repetition", 0xFBCEA83C8A378BF1),
    ],
)
def test_hashes_are_those_that_are_published(data: bytes, known: int) -> None:
    assert xxh64(data) == known


def test_labels_are_laid_out_with_their_lengths() -> None:
    assert share_of(()) == xxh64(b"") / (2**64 - 1)
    assert share_of((("a", "b"),)) == xxh64(b"\x01a\x01b") / (2**64 - 1)
    long = "x" * 255
    assert share_of((("a", long),)) == xxh64(b"\x01a\xff\xff\x00\x00" + long.encode()) / (2**64 - 1)
