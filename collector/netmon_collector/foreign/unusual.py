"""Requests whose fields come in another order than all known senders have, which Protocol Buffers allow."""

from collections.abc import Callable
from typing import Final

from netmon_collector.foreign.base import BadBody, Unusual, Written
from netmon_proto.remote_write import NotRemoteWrite

MOST_BYTES: Final = 4 << 20
"""Of the smallest parts there are, half a second and a hundred megabytes are needed for that many."""


def in_any_order(decode: Callable[[bytes], Written], in_order: Callable[[bytes], bytes], body: bytes) -> Written:
    """What is in a body, which is put in order first if `decode` cannot read it as it is. Raises BadBody."""
    try:
        return decode(body)
    except Unusual as error:
        if len(body) > MOST_BYTES:
            more = f"where fields come in an unusual order, at most {MOST_BYTES} bytes are taken"
            raise BadBody(f"{error}; {more}") from None
        try:
            ordered = in_order(body)
        except NotRemoteWrite:
            raise error from None
    return decode(ordered)
