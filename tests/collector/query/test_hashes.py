"""The hash of limit_ratio is xxHash, over labels as Prometheus lays them out."""

from xxhash import xxh64_intdigest

from netmon_collector.query.hashes import share_of


def test_it_is_the_hash_that_is_published_with_the_seed_0() -> None:
    assert share_of(()) == 0xEF46DB3751D8E999 / (2**64 - 1)


def test_labels_are_laid_out_with_their_lengths() -> None:
    assert share_of((("a", "b"),)) == xxh64_intdigest(b"\x01a\x01b") / (2**64 - 1)
    long = "x" * 255
    assert share_of((("a", long),)) == xxh64_intdigest(b"\x01a\xff\xff\x00\x00" + long.encode()) / (2**64 - 1)
