"""NTP: a real server, and ones whose clocks or manners are bad."""

import struct
import time
from pathlib import Path
from typing import Any

import pytest

from netmon_agent.inputs.checks.ntp import Answer, NtpInput, ntp_time, offset_s
from tests.fuzz.checks import ntp_answer
from tests.support.checks import values_of
from tests.support.fuzzing import fuzz
from tests.support.peers import chrony
from tests.support.udp import answering

SECOND = 1 << 32


async def asked(port: int, **options: Any) -> tuple[dict[str, float], str | None]:
    one = NtpInput(type="ntp", host="127.0.0.1", port=port, **options)
    (found,) = (await values_of(one)).values()
    return found, one.trouble


def server(*, leap: int = 0, stratum: int = 2, ahead_s: float = 0.0, name: bytes = b"GPS\0") -> Any:
    """Answers with a clock that is ahead of ours, after 50 ms of thought that it tells of."""

    def answer(request: bytes, _: Any) -> list[bytes]:
        came = (ntp_time(time.time_ns()) + int(ahead_s * SECOND)) % (1 << 64)
        time.sleep(0.05)
        head = struct.pack("!BBbbII4s", leap << 6 | 4 << 3 | 4, stratum, 6, -20, 1 << 15, 1 << 14, name)
        return [head + struct.pack("!Q8sQQ", came - 10 * SECOND, request[40:48], came, came + SECOND // 20)]

    return answer


async def test_a_real_server_gives_this_machines_time(tmp_path: Path) -> None:
    with chrony(tmp_path) as port:
        found, trouble = await asked(port, max_offset_s=0.1)
    assert (found["probe_success"], trouble, found["probe_ntp_stratum"], found["probe_ntp_leap"]) == (1, None, 3, 0)
    assert abs(found["probe_ntp_offset_seconds"]) < 0.05
    assert 0 < found["probe_ntp_rtt_seconds"] < 1
    assert found["probe_ntp_root_dispersion_seconds"] >= 0


@pytest.mark.parametrize("ahead_s", [0.0, 3.5, -7200.0])
async def test_the_offset_and_the_rest_are_told(ahead_s: float) -> None:
    async with answering(server(ahead_s=ahead_s)) as port:
        found, trouble = await asked(port)
    assert trouble is None
    assert found["probe_ntp_offset_seconds"] == pytest.approx(ahead_s, abs=0.04)
    assert found["probe_ntp_rtt_seconds"] < 0.05, "the server's thought is no way"
    assert (found["probe_ntp_root_delay_seconds"], found["probe_ntp_root_dispersion_seconds"]) == (0.5, 0.25)
    assert found["probe_ntp_reference_timestamp_seconds"] == pytest.approx(time.time() + ahead_s - 10, abs=2)


@pytest.mark.parametrize(
    ("manner", "options", "told"),
    [
        ({"leap": 3}, {}, "the server's clock is not synchronised"),
        ({"stratum": 16}, {}, "the server's clock is not synchronised"),
        ({"stratum": 0, "name": b"RATE"}, {}, "the server refuses: 'RATE'"),
        ({"stratum": 0, "name": b"\xff\0\n\0"}, {}, "the server refuses: '\ufffd\\x00\\n'"),
        ({"stratum": 5}, {"max_stratum": 4}, "the server's stratum is 5 (max_stratum 4)"),
        ({"ahead_s": 100.5}, {"max_offset_s": 1}, "the clocks differ by 100."),
    ],
)
async def test_a_server_that_is_not_well_is_down(manner: dict[str, Any], options: dict[str, Any], told: str) -> None:
    async with answering(server(**manner)) as port:
        found, trouble = await asked(port, **options)
    assert (found["probe_success"], str(trouble)[: len(told)]) == (0, told)


@pytest.mark.parametrize(("year", "era"), [(2020, 0), (2035, 0), (2040, 1)])
def test_offsets_are_right_across_the_end_of_an_era(year: int, era: int) -> None:
    ours = ntp_time((year - 1970) * 31_556_952 * 1_000_000_000)
    theirs = (ours + 5 * SECOND) % (1 << 64)
    answer = Answer(0, 1, 0.0, 0.0, b"", 0, theirs, theirs)
    assert offset_s(answer, ours, ours) == pytest.approx(5)
    assert ntp_time(0) == 2_208_988_800 << 32


async def test_answers_that_are_none_are_down_and_told() -> None:
    async with answering(lambda *_: [b"x" * 47]) as port:
        assert (await asked(port))[1] == "what answers does not speak NTP"
    async with answering(lambda request, _: [request]) as port:
        assert (await asked(port, timeout_s=0.1))[1] == "no answer within 0.1 s"


def test_damaged_answers_are_read_or_refused() -> None:
    assert fuzz(ntp_answer, 0.5, 3, 2_000).inputs > 100
