"""The route for backups: who may have one, and that nothing stays behind."""

import asyncio
import io
from pathlib import Path

import pytest

from netmon_collector.backup.contents import BackupError
from netmon_collector.backup.making import Backups, write_tar
from netmon_collector.backup.reading import entries, unpack
from netmon_collector.store.base import StoreError
from tests.api.assembly import running
from tests.api.lab import Lab, labels

STAGE = "backup-under-way"
LOAD = labels("load", instance="web1")


async def test_a_token_for_the_api_alone_gets_all_but_a_backup(lab: Lab) -> None:
    headers = {"Authorization": f"Bearer {lab.tokens.issue('api')}"}
    async with lab.stranger.get("/api/v1/status", headers=headers) as response:
        assert response.status == 200
    async with lab.stranger.get("/api/v1/backup", headers=headers) as response:
        assert response.status == 403
        error = (await response.json())["error"]
    assert error["code"] == "forbidden"
    assert "netmon token new --admin" in error["message"]


async def test_what_comes_is_a_whole_backup(lab: Lab) -> None:
    await lab.keep({LOAD: 0.5})
    async with lab.client.get("/api/v1/backup") as response:
        assert response.headers["Content-Disposition"] == "attachment; filename=netmon.tar"
        archive = await response.read()
    names = {item.name for item in unpack(entries(io.BytesIO(archive)), None).files}
    assert names >= {"state.sqlite", "store/wal-00000001.log"}
    assert not (lab.store.folder / STAGE).exists()


async def test_of_two_at_a_time_the_second_is_refused(lab: Lab, tmp_path: Path) -> None:
    backups = Backups(tmp_path, lab.store)
    async with backups.take():
        with pytest.raises(BackupError, match="another backup is under way"):
            async with backups.take():
                pass
    async with backups.take() as members:
        assert [member.name for member in members] == ["state.sqlite"]


async def test_a_client_that_goes_leaves_nothing_behind(tmp_path: Path) -> None:
    async with running(tmp_path) as lab:
        await lab.keep({LOAD: 0.5})
        await lab.store._upkeep._let_go_of_log()
        with next(lab.store.folder.glob("raw-*.chunks")).open("ab") as file:
            file.truncate(100 << 20)
        response = await lab.client.get("/api/v1/backup")
        await response.content.readexactly(1000)
        response.close()
        async with asyncio.timeout(20):
            while (lab.store.folder / STAGE).exists():  # noqa: ASYNC110 - what it waits for tells nobody
                await asyncio.sleep(0.01)
        async with lab.client.get("/api/v1/status") as again:
            assert again.status == 200


async def test_what_a_killed_collector_left_is_removed_and_no_database_is_told(lab: Lab, tmp_path: Path) -> None:
    stage = lab.store.folder / STAGE
    stage.mkdir()
    (stage / "state.sqlite").write_text("half of it")
    backups = Backups(tmp_path / "elsewhere", lab.store)
    assert not stage.exists()
    with pytest.raises(BackupError, match=r"state.sqlite is not there"):
        async with backups.take():
            pass


async def test_samples_on_a_server_are_not_in_it(lab: Lab, tmp_path: Path) -> None:
    async with Backups(tmp_path, store=None).take() as members:
        out = io.BytesIO()
        write_tar(members, out)
    assert [item.name for item in unpack(entries(io.BytesIO(out.getvalue())), None).files] == ["state.sqlite"]


async def test_a_snapshot_that_fails_is_told(lab: Lab, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot make a snapshot"):
        await lab.store.snapshot(lab.store.folder)
