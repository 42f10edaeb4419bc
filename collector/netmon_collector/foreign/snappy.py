"""Snappy's block format, bounded: what a body claims to become is checked before any of it is unpacked."""

import cramjam

from netmon_collector.foreign.base import BadBody


def unpack(body: bytes, most_bytes: int) -> bytes:
    """The uncompressed body. Raises BadBody."""
    try:
        size_bytes = cramjam.snappy.decompress_raw_len(body)
        if size_bytes > most_bytes:
            raise BadBody(f"the body is {size_bytes} bytes long when unpacked; at most {most_bytes} are taken")
        return bytes(cramjam.snappy.decompress_raw(body))
    except cramjam.DecompressionError as error:
        raise BadBody(f"the body is not compressed by snappy: {error}") from None
