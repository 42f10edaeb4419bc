"""Datagrams: what answers, what does not, and what answers otherwise."""

from typing import Any

import pytest
from pydantic import ValidationError

from netmon_agent.inputs.checks.udp import UdpInput
from tests.support.checks import values_of
from tests.support.ports import free_udp_port
from tests.support.udp import answering


async def asked(port: int, **options: Any) -> tuple[dict[str, float], str | None]:
    one = UdpInput(type="udp", host="127.0.0.1", port=port, **options)
    assert one.probed == (f"udp://127.0.0.1:{port}",)
    (found,) = (await values_of(one)).values()
    return found, one.trouble


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"send": "ping\n"}, None),
        ({"send": "ping\n", "expect": "^ping$"}, None),
        ({"send": "ping", "expect": "pong"}, "the answer is not as expected"),
        ({"send_hex": "00 ff 2a", "expect": r"^\x00\xff\*"}, None),
        ({"send": "gr\u00fc\u00df", "expect": "\u00fc\u00df$"}, None),
        ({"send": ""}, None),
    ],
)
async def test_an_answer_is_judged(options: dict[str, Any], told: str | None) -> None:
    heard: list[bytes] = []

    def echo(data: bytes, _: Any) -> list[bytes]:
        heard.append(data)
        return [data or b"-"]

    async with answering(echo) as port:
        found, trouble = await asked(port, **options)
    assert (found["probe_success"], trouble) == (float(told is None), told)
    assert found["probe_udp_answer_bytes"] == len(heard[0] or b"-")
    assert found["probe_failed_due_to_regex"] == (told is not None)


async def test_silence_and_refusal_are_down() -> None:
    async with answering(lambda *_: []) as port:
        assert (await asked(port, send="x", timeout_s=0.1))[1] == "no answer within 0.1 s"
    found, trouble = await asked(free_udp_port(), send="x")
    assert (found["probe_success"], trouble) == (0, "Connection refused")


async def test_a_huge_answer_is_taken() -> None:
    async with answering(lambda *_: [b"\xff" * 65_000]) as port:
        found, _ = await asked(port, send="x", expect=r"\xff{60000}")
    assert (found["probe_success"], found["probe_udp_answer_bytes"]) == (1, 65_000)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({}, "needs either send or send_hex"),
        ({"send": "a", "send_hex": "00"}, "needs either send or send_hex"),
        ({"send_hex": "0"}, "must be bytes in hexadecimal"),
    ],
)
def test_mistakes_are_told(options: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        UdpInput(type="udp", host="a", port=1, **options)
