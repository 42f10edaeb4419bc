"""Random traps, lines of syslog and streams of them: each becomes an event within bounds, or is left out with a reason.

python tests/fuzz/events.py [SECONDS [SEED]]
"""

import random
from collections.abc import Callable
from functools import cache

from netmon_agent.receivers.framing import BadFraming, Frames
from netmon_agent.receivers.names import Names
from netmon_agent.receivers.notification import Malformed, decode, version_of
from netmon_agent.receivers.secured import head_of
from netmon_agent.receivers.syslog import LONGEST_LINE, event_of
from netmon_agent.receivers.telling import event_of as event_of_trap
from netmon_configs.library import open_library
from netmon_proto import wire
from netmon_proto.model import Event, EventBatch
from tests.support.fuzzing import damaged, main
from tests.support.trap_bytes import message_v3, trap_v1, trap_v2

TRAPS = [trap_v2(5), trap_v2(5, 0xA6), trap_v1(5), message_v3()]
BER = [
    b"\x30\x80", b"\x30\x84\xff\xff\xff\xff", b"\x06\x00", b"\x02\x09" + b"\xff" * 9, b"\x04\x82\x01\x00", b"\x05\x00",
    b"\x80\x00", b"\x06\x05\xff\xff\xff\xff\x7f",
]  # fmt: skip
LINES = [
    b"<34>Oct 11 22:14:15 mymachine su: 'su root' failed for lonvick on /dev/pts/8",
    b'<165>1 2003-10-11T22:14:15.003Z host app 42 ID47 [a@1 iut="3" e="A \\"x\\""][b c="d"] \xef\xbb\xbfAn event',
    b"<189>45: sw1: *Mar  1 00:01:02.123: %LINK-3-UPDOWN: Interface Gi0/1, changed state to down",
    b"12 <14>hello wo<13>next\n<14>1 - - - - - -\n",
]
PIECES = [
    b"<", b">", b"<191>", b"1 ", b"[", b"]", b'"', b"\\", b"=", b"\0", b"\n", b"\r", b"\xff\xfe", b"\xe2\x80\xae", b"-",
    b"999999999 <", b"7 <", b" " * 40, b'[a b="',
]  # fmt: skip


@cache
def names() -> Names:
    return Names(layers[0] for layers in open_library().layers.values())


def check(event: Event) -> bool:
    """An event is within the bounds that the wire states, and comes through it as it is."""
    assert len(event.text) <= 4096
    assert 0 < len(event.kind) <= 128
    assert len(event.fields) <= 100
    assert all(len(name) <= 256 and len(text) <= 1024 for name, text in event.fields.items())
    back = wire.decode_agent(wire.encode_agent(EventBatch(1, 1, 0, 0, [event])))
    assert isinstance(back, EventBatch)
    assert back.events == [event]
    return True


def trap(message: bytes) -> bool:
    try:
        if version_of(message) == "3":
            return len(head_of(message).engine_id) <= 32
        return check(event_of_trap(decode(message), "192.0.2.1", names(), 0))
    except Malformed as error:
        assert str(error)
        return False


def line(message: bytes) -> bool:
    return check(event_of(message, "192.0.2.1", 0))


def stream(content: bytes) -> bool:
    """However a stream is cut, its messages are the same."""

    def parted(step: int) -> list[bytes] | str:
        frames, found = Frames(), []
        try:
            for at in range(0, len(content), step):
                found += frames.feed(content[at : at + step])
        except BadFraming as error:
            return str(error)
        assert all(len(one) <= LONGEST_LINE for one in found)
        return found

    whole = parted(len(content) or 1)
    assert parted(997) == whole
    return not isinstance(whole, str) and all(map(line, whole[:50]))


def make(rng: random.Random) -> tuple[bytes, Callable[[bytes], bool]]:
    match rng.randrange(4):
        case 0 | 1:
            message = rng.choice(TRAPS)
            return (message if rng.random() < 0.1 else damaged(message, rng, BER)[:65_535]), trap
        case 2:
            if rng.random() < 0.1:
                return rng.choice(PIECES) * rng.choice([10, 1_000, 20_000]), line
            return damaged(rng.choice(LINES), rng, PIECES), line
    return damaged(b"\n".join(rng.choice(LINES) for _ in range(rng.randrange(1, 6))), rng, PIECES), stream


if __name__ == "__main__":
    main("events", make)
