"""Deleting by Prometheus' path: who may, what is gone when it is answered, and what is no request."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.api.assembly import running
from tests.api.lab import NOW_MS, Lab, labels
from tests.collector.store.samples import held

PATH = "/prometheus/api/v1/admin/tsdb/delete_series"
UP, LOAD = labels("up", instance="web1"), labels("load", instance="web1")


async def times_of(lab: Lab, *series: object) -> list[int]:
    return sorted((time_ms - NOW_MS) // 1000 for own, time_ms in await held(lab.store) if own in series)


async def test_what_is_chosen_is_gone_when_it_is_answered_and_after_a_restart(tmp_path: Path) -> None:
    async with running(tmp_path) as lab:
        for second in range(5):
            await lab.keep({UP: 1.0, LOAD: 2.0}, NOW_MS + second * 1000)
        start, end = NOW_MS / 1000 + 1, NOW_MS / 1000 + 2
        fields = {"match[]": 'up{instance="web1"}', "start": f"{start}", "end": f"{end}"}
        async with lab.client.post(PATH, data=fields) as response:
            assert (response.status, await response.text()) == (204, "")
        assert await times_of(lab, UP) == [0, 3, 4]
        async with lab.client.put(PATH, params=[("match[]", "load"), ("match[]", "nothing")]) as response:
            assert response.status == 204
        assert await times_of(lab, UP, LOAD) == [0, 3, 4]
    async with running(tmp_path) as lab:
        assert await times_of(lab, UP, LOAD) == [0, 3, 4]


async def test_a_client_that_goes_leaves_no_half_of_it(tmp_path: Path) -> None:
    async with running(tmp_path) as lab:
        await lab.keep({UP: 1.0, LOAD: 2.0})
        async with lab.store._upkeep._turn:  # a merge is under way
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.2):
                    await lab.client.post(PATH, data={"match[]": "up"})
        async with asyncio.timeout(20):
            while await times_of(lab, UP):  # noqa: ASYNC110 - nothing tells when it is done
                await asyncio.sleep(0.01)
        assert await times_of(lab, LOAD) == [0]


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ([], "no match[] parameter provided"),
        ([("match[]", "up{")], 'invalid parameter "match[]"'),
        ([("match[]", "{}")], "must contain at least one non-empty matcher"),
        ([("match[]", "up"), ("start", "20"), ("end", "10")], "must not be before"),
        ([("match[]", "up"), ("start", "soon")], 'invalid parameter "start"'),
    ],
)
async def test_a_mistake_deletes_nothing(lab: Lab, fields: Sequence[tuple[str, str]], told: str) -> None:
    await lab.keep({UP: 1.0})
    async with lab.client.post(PATH, data=fields) as response:
        assert response.status == 400
        assert told in (await response.json())["error"]
    assert await times_of(lab, UP) == [0]


async def test_it_takes_a_token_for_administrators(lab: Lab) -> None:
    headers = {"Authorization": f"Bearer {lab.tokens.issue('api')}"}
    async with lab.stranger.post(PATH, data={"match[]": "up"}, headers=headers) as response:
        assert response.status == 403
