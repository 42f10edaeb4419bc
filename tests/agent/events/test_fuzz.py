"""The fuzz target of what devices send, for a moment, and the same against a receiver that listens."""

import asyncio
import random
import socket
from pathlib import Path

from tests.fuzz.events import make
from tests.support.fuzzing import fuzz
from tests.support.receiving import figures, receiving
from tests.support.trap_bytes import trap_v2


def test_random_messages_become_events_within_bounds_or_are_left_out_with_a_reason() -> None:
    tally = fuzz(make, 60, 11, 2_000)
    assert tally.inputs == 2_000
    assert tally.taken > 200


async def test_a_receiver_outlives_whatever_is_sent_to_it(tmp_path: Path) -> None:
    (tmp_path / "auth").write_text("long enough\n")
    users = [{"user": "trapper", "auth": "sha1", "auth_password_file": str(tmp_path / "auth")}]
    rng = random.Random(5)
    async with receiving(tmp_path, type="traps", users=users) as (received, receiver):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for _ in range(800):
                sender.sendto(make(rng)[0][:60_000], ("127.0.0.1", receiver.port))
                await asyncio.sleep(0)
            sender.sendto(trap_v2(4242), ("127.0.0.1", receiver.port))
        events = await received.until(lambda events: any(one.fields.get("ifIndex") == "4242" for one in events))
        shown = await figures(receiver)
    assert any(one.fields.get("ifIndex") == "4242" for one in events)
    assert (shown["messages"], shown["kernel"]) == (801, 0)
    assert shown["malformed"] > 200
