"""`netmon store fsck`, as people call it."""

import asyncio
import json
from pathlib import Path

from netmon_collector.store.embedded import EmbeddedStore
from tests.cli.conftest import Netmon
from tests.collector.store.test_fsck import fill


def test_the_command_tells_what_is_wrong_and_how_it_ended(netmon: Netmon, tmp_path: Path) -> None:
    folder = tmp_path / "store"
    asyncio.run(fill(folder))
    fine = netmon("store", "fsck", str(folder))
    assert (fine.code, fine.out, fine.err) == (0, "nothing is wrong\n", "")
    path = next(folder.glob("raw-recent-*"))
    data = bytearray(path.read_bytes())
    data[60] ^= 4
    path.write_bytes(data)
    told = netmon("store", "fsck", str(folder))
    assert told.code == 1
    assert told.out.startswith(f"{path.name} at 16: ")
    assert told.out.endswith("wrong; --repair sets aside what is damaged\n")
    mended = netmon("store", "fsck", str(folder), "--repair")
    assert mended.code == 0
    assert "repaired; what was damaged is set aside\n" in mended.out
    assert f"{path.name}.16.damaged" in mended.out
    plain = json.loads(netmon("store", "fsck", str(folder), "--json").out)
    assert plain == {"findings": [], "left": None, "set_aside": [f"{path.name}.16.damaged"]}
    assert netmon("store", "fsck", str(tmp_path)).code == 2


def test_a_store_in_use_is_refused(netmon: Netmon, tmp_path: Path) -> None:
    async def work() -> None:
        await fill(tmp_path / "store")
        store = EmbeddedStore.open(tmp_path / "store")
        ended = await asyncio.to_thread(netmon, "store", "fsck", str(tmp_path / "store"))
        await store.close()
        assert ended.code == 1
        assert "is in use by another process" in ended.err
        assert "netmon backup" in ended.err

    asyncio.run(work())
