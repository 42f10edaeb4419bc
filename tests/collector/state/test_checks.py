"""Checks are kept whole; what is secret of them is sealed."""

from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from netmon_collector.checks.records import CheckRecord
from netmon_collector.state.checks import CheckExists, KeptChecks
from netmon_configs.sealing import SealBroken, Sealer

SHOP = CheckRecord(
    name="shop",
    type="http",
    shown={"type": "http", "password": "***"},
    targets={"https://shop.example/": "shop.example"},
    agents=("a1", "a2"),
    interval_ms=30_000,
    added_ms=5,
    revision=5,
    size_bytes=20,
    devices={"a1": {"https://shop.example/": "shop"}},
)


def test_a_check_comes_back_with_its_secrets_and_goes(engine: Engine, tmp_path: Path) -> None:
    kept = KeptChecks(engine, Sealer(tmp_path / "key"))
    kept.add(SHOP, '{"password":"s3cret"}')
    again = KeptChecks(engine, Sealer(tmp_path / "key"))
    assert (again.all(), again.options()) == ([SHOP], {"shop": '{"password":"s3cret"}'})
    with engine.connect() as connection:
        (row,) = connection.execute(text("SELECT * FROM checks"))
    assert not [one for one in row if b"s3cret" in (one.encode() if isinstance(one, str) else bytes(one))]
    again.remove("shop")
    assert (kept.all(), kept.options()) == ([], {})


def test_a_name_is_taken_once(engine: Engine, tmp_path: Path) -> None:
    kept = KeptChecks(engine, Sealer(tmp_path / "key"))
    kept.add(SHOP, "{}")
    with pytest.raises(CheckExists, match="there is a check 'shop' already"):
        kept.add(SHOP, "{}")


def test_without_the_key_secrets_stay_closed(engine: Engine, tmp_path: Path) -> None:
    KeptChecks(engine, Sealer(tmp_path / "key")).add(SHOP, "{}")
    other = KeptChecks(engine, Sealer(tmp_path / "other"))
    assert other.all() == [SHOP]
    with pytest.raises(SealBroken):
        other.options()
