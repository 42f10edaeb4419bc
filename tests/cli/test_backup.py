"""`netmon backup` and `netmon restore`, of a collector that runs and of one that does not."""

import asyncio
import gzip
import json
import os
import sqlite3
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from netmon_collector.state.database import open_state
from netmon_collector.state.tokens import Tokens
from netmon_collector.store.embedded import EmbeddedStore
from tests.api.assembly import running
from tests.api.lab import NOW_MS, Lab
from tests.cli.conftest import Ended, Netmon
from tests.collector.store.samples import Samples, batch, held, register, row

FORMS = ("folder", "backup.tar", "backup.tar.gz", "backup.tgz")


async def fill(store: EmbeddedStore, first: int = 1, last: int = 40) -> Samples:
    group = register(store, "a", "b", "c")
    for n in range(first, last + 1):
        await store.append([row(group, NOW_MS + n * 10_000, n, n / 4, 7.0)], batch(n))
    return await held(store)


def made(state: Path) -> Samples:
    """A collector that was here and was stopped; what its store holds."""
    state.mkdir()
    engine = open_state(f"sqlite:///{state / 'state.sqlite'}")
    Tokens(engine, lambda: NOW_MS).issue("api", "the one that was there")
    engine.dispose()

    async def work() -> Samples:
        store = EmbeddedStore.open(state / "store", head_slots=9, window_s=0)
        samples = await fill(store)
        await store._upkeep._seal()
        await store.close()
        return samples

    return asyncio.run(work())


def found(store: Path) -> tuple[Samples, int]:
    async def work() -> tuple[Samples, int]:
        store_there = EmbeddedStore.open(store)
        samples = await held(store_there)
        highest = store_there.highest_acked("agent", 1)
        await store_there.close()
        return samples, highest

    return asyncio.run(work())


def token_names(database: Path) -> list[str]:
    connection = sqlite3.connect(database)
    names = [name for (name,) in connection.execute("SELECT name FROM tokens")]
    connection.close()
    return names


@pytest.mark.parametrize("form", FORMS)
def test_a_stopped_collector_is_there_again_after_a_restore(netmon: Netmon, tmp_path: Path, form: str) -> None:
    samples = made(tmp_path / "state")
    (tmp_path / "state" / "collector.key").write_text("secret")
    (tmp_path / "state" / "store" / "x.damaged").write_text("damage")
    backup = tmp_path / form
    done = netmon("backup", str(backup), "--state", str(tmp_path / "state"))
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"backed up to {backup}: ")
    good = netmon("restore", str(backup), "--verify")
    assert (good.code, good.err) == (0, "")
    assert good.out.startswith(f"{backup} is good: ")
    restored = netmon("restore", str(backup), str(tmp_path / "new"))
    assert (restored.code, restored.err) == (0, "")
    assert found(tmp_path / "new" / "store") == (samples, 40)
    assert token_names(tmp_path / "new" / "state.sqlite") == ["the one that was there"]
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["state.sqlite", "store"]
    assert not [path for path in tmp_path.rglob("*") if path.name.endswith((".partial", ".restoring"))]
    assert backup.stat().st_mode & 0o077 == 0


async def with_lab(folder: Path, work: Callable[[Lab], object]) -> Samples:
    """Has something done while a collector runs and takes samples; what it held before that."""
    folder.mkdir()
    async with running(folder) as lab:
        samples = await fill(lab.store)
        task = asyncio.create_task(asyncio.to_thread(work, lab))
        n = 40
        while not task.done():
            n += 1
            await fill(lab.store, n, n)
            await asyncio.sleep(0)
        await task
        assert (await held(lab.store)).items() >= samples.items()
    return samples


@pytest.mark.parametrize("form", FORMS)
def test_a_running_collector_is_backed_up_while_it_takes_samples(
    netmon: Netmon, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    backup = tmp_path / form

    def work(lab: Lab) -> None:
        monkeypatch.setenv("NETMON_TOKEN", lab.token)
        done = netmon("backup", str(backup), "--url", lab.url)
        assert (done.code, done.err) == (0, "")

    samples = asyncio.run(with_lab(tmp_path / "live", work))
    assert not list((tmp_path / "live" / "store").glob("backup*")), "what the backup was made of is gone"
    assert netmon("restore", str(backup), str(tmp_path / "new"), "--json").code == 0
    restored, highest = found(tmp_path / "new" / "store")
    assert restored.items() >= samples.items()
    assert len(restored) == 3 * highest, "each batch as a whole"


def test_only_an_administrators_token_makes_a_backup(
    netmon: Netmon, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended: list[Ended] = []

    def work(lab: Lab) -> None:
        monkeypatch.setenv("NETMON_TOKEN", lab.tokens.issue("api"))
        ended.append(netmon("backup", str(tmp_path / "no.tar"), "--url", lab.url))
        monkeypatch.setenv("NETMON_TOKEN", "nma_wrong")
        ended.append(netmon("backup", str(tmp_path / "no.tar"), "--url", lab.url))

    asyncio.run(with_lab(tmp_path / "live", work))
    assert [one.code for one in ended] == [4, 4]
    assert "netmon token new --admin" in ended[0].err
    assert not list(tmp_path.glob("no.tar*"))


def test_a_backup_that_cannot_be_made_leaves_nothing(
    netmon: Netmon, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended: list[Ended] = []

    def work(lab: Lab) -> None:
        monkeypatch.setenv("NETMON_TOKEN", lab.token)
        (lab.store.folder / "backup-under-way").mkdir()
        ended.append(netmon("backup", str(tmp_path / "b.tar"), "--url", lab.url))

    asyncio.run(with_lab(tmp_path / "live", work))
    assert ended[0].code == 5
    assert "no backup can be made now" in ended[0].err
    assert not list(tmp_path.glob("b.tar*"))


def test_a_collector_in_use_is_not_read_from_its_folder(netmon: Netmon, tmp_path: Path) -> None:
    made(tmp_path / "state")

    async def work() -> Ended:
        store = EmbeddedStore.open(tmp_path / "state" / "store")
        ended = await asyncio.to_thread(netmon, "backup", str(tmp_path / "b.tar"), "--state", str(tmp_path / "state"))
        await store.close()
        return ended

    ended = asyncio.run(work())
    assert ended.code == 1
    assert "is in use by another process" in ended.err
    assert not (tmp_path / "b.tar").exists()


def test_nothing_is_replaced_without_being_told(netmon: Netmon, tmp_path: Path) -> None:
    samples = made(tmp_path / "state")
    backup, target = tmp_path / "b.tar", tmp_path / "target"
    backup.write_text("mine")
    refused = netmon("backup", str(backup), "--state", str(tmp_path / "state"))
    assert (refused.code, backup.read_text()) == (2, "mine")
    assert f"{backup} is there already" in refused.err
    assert netmon("backup", str(backup), "--state", str(tmp_path / "state"), "--force").code == 0
    target.mkdir()
    (target / "mine").write_text("mine")
    refused = netmon("restore", str(backup), str(target))
    assert (refused.code, (target / "mine").read_text()) == (2, "mine")
    done = netmon("restore", str(backup), str(target), "--force")
    former = tmp_path / "target.before-restore"
    assert (done.code, (former / "mine").read_text()) == (0, "mine")
    assert str(former) in done.out
    assert found(target / "store")[0] == samples
    again = netmon("restore", str(backup), str(target), "--force")
    assert again.code == 2
    assert "of an earlier restore" in again.err


def flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


def damaged(backup: Path, how: str) -> None:
    some = next(backup.glob("store/*.chunks"))
    if how == "flipped":
        flip(some, some.stat().st_size // 2)
    elif how == "missing":
        some.unlink()
    elif how == "added":
        (backup / "store" / "raw-recent-000000000099.chunks").write_text("x")
    elif how == "strange":
        (backup / "run-me.sh").write_text("x")
    elif how == "unfinished":
        (backup / "manifest.json").unlink()
    elif how == "nonsense":
        (backup / "manifest.json").write_text("[]")
    elif how == "newer":
        (backup / "manifest.json").write_text(json.dumps({"format": 99, "netmon": "9.9", "made": "", "files": []}))


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ("flipped", "is not what it was when the backup was made"),
        ("missing", "is missing"),
        ("added", "is not in the manifest"),
        ("strange", "'run-me.sh' is no file of a backup"),
        ("unfinished", "it has no manifest.json"),
        ("nonsense", "manifest.json cannot be read"),
        ("newer", "made by a newer netmon (9.9)"),
    ],
)
def test_a_backup_that_is_not_good_is_told_and_not_restored(
    netmon: Netmon, tmp_path: Path, how: str, told: str
) -> None:
    made(tmp_path / "state")
    assert netmon("backup", str(tmp_path / "b"), "--state", str(tmp_path / "state")).code == 0
    damaged(tmp_path / "b", how)
    for words in (("--verify",), (str(tmp_path / "new"),)):
        ended = netmon("restore", str(tmp_path / "b"), *words)
        assert (ended.code, ended.out) == (1, "")
        assert told in ended.err
    assert not list(tmp_path.glob("new*"))


@pytest.mark.parametrize("kept", [0, 100, 0.5, 0.95])
@pytest.mark.parametrize("form", ["b.tar", "b.tar.gz"])
def test_an_archive_that_ends_too_early_is_told(netmon: Netmon, tmp_path: Path, form: str, kept: float) -> None:
    made(tmp_path / "state")
    assert netmon("backup", str(tmp_path / form), "--state", str(tmp_path / "state")).code == 0
    whole = (tmp_path / form).read_bytes()
    if form == "b.tar":
        whole = whole.rstrip(b"\0")
    (tmp_path / form).write_bytes(whole[: int(kept * len(whole)) if isinstance(kept, float) else kept])
    ended = netmon("restore", str(tmp_path / form), str(tmp_path / "new"))
    assert ended.code == 1, ended
    assert not list(tmp_path.glob("new*"))


def test_an_archive_never_writes_outside_of_its_folder(netmon: Netmon, tmp_path: Path) -> None:
    (tmp_path / "evil").write_text("evil")
    for name in ("../evil2", "/tmp/netmon-evil", "store/../../evil2", "store/a.chunks/../../../evil2"):
        with tarfile.open(tmp_path / "b.tar", "w") as tar:
            tar.add(tmp_path / "evil", arcname=name)
        assert netmon("restore", str(tmp_path / "b.tar"), str(tmp_path / "a" / "new")).code == 1
    with tarfile.open(tmp_path / "b.tar", "w") as tar:
        link = tarfile.TarInfo("store/a.chunks")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    assert "is no file of a backup" in netmon("restore", str(tmp_path / "b.tar"), "--verify").err
    assert not (tmp_path / "evil2").exists()
    assert not Path("/tmp/netmon-evil").exists()


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("restore", "none.tar", "--verify"), 1, "none.tar: No such file or directory"),
        (("restore", "none.tar"), 2, "say either --verify, or the folder to restore to"),
        (("restore", "none.tar", "to", "--verify"), 2, "say either --verify, or the folder to restore to"),
        (("backup", "b.tar", "--state", "none"), 2, "none is not there"),
        (("backup", "b.tar", "--state", "."), 1, "state.sqlite is not there: this is no collector's state folder"),
        (("backup", "pipe", "--state", ".", "--force"), 2, "pipe is no file or folder"),
        (("token", "new", "--join", "--admin"), 2, "for agents or for administrators"),
    ],
)
def test_mistakes_are_told(
    netmon: Netmon, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], code: int, told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe")
    ended = netmon(*words)
    assert ended.code == code
    assert told in " ".join(ended.err.split()).replace("│ ", "")


def test_a_compressed_archive_is_an_ordinary_one(netmon: Netmon, tmp_path: Path) -> None:
    made(tmp_path / "state")
    assert netmon("backup", str(tmp_path / "b.tar.gz"), "--state", str(tmp_path / "state")).code == 0
    with gzip.open(tmp_path / "b.tar.gz") as file, tarfile.open(fileobj=file) as tar:
        assert tar.getnames()[-1] == "manifest.json"
    (tmp_path / "by-hand").mkdir()
    subprocess.run(["tar", "--extract", "--file", "../b.tar.gz"], cwd=tmp_path / "by-hand", check=True)
    assert netmon("restore", str(tmp_path / "by-hand"), "--verify").code == 0
