"""A token is shown once, kept as a hash, and good for one purpose."""

import re
from pathlib import Path

from sqlalchemy import Engine, event, select

from netmon_collector.state.schema import tokens as table
from netmon_collector.state.tokens import Tokens


class Clock:
    def __init__(self) -> None:
        self.ms = 1_700_000_000_000

    def __call__(self) -> int:
        return self.ms


def test_a_token_tells_its_purpose_and_holds_256_bits(engine: Engine) -> None:
    tokens = Tokens(engine, Clock())
    assert re.fullmatch(r"nmt_[A-Za-z0-9_-]{43}", tokens.issue("api"))
    assert re.fullmatch(r"nmj_[A-Za-z0-9_-]{43}", tokens.issue("join"))


def test_a_token_is_good_for_its_purpose_only(engine: Engine) -> None:
    tokens = Tokens(engine, Clock())
    token = tokens.issue("api")
    assert tokens.verify("api", token)
    assert not tokens.verify("join", token)
    for wrong in ("", token[:-1], token + "x", token.upper(), "nmt_\udcff"):
        assert not tokens.verify("api", wrong)


def test_the_first_token_is_made_once(engine: Engine) -> None:
    tokens = Tokens(engine, Clock())
    token = tokens.ensure("api")
    assert token is not None
    assert tokens.ensure("api") is None
    assert tokens.verify("api", token)
    assert tokens.ensure("join") is not None


def test_the_file_does_not_hold_the_token(engine: Engine, tmp_path: Path) -> None:
    token = Tokens(engine, Clock()).issue("api")
    engine.dispose()
    for file in tmp_path.iterdir():
        assert token.encode() not in file.read_bytes()


def test_checking_a_token_again_asks_no_database(engine: Engine) -> None:
    tokens = Tokens(engine, Clock())
    token = tokens.issue("api")
    tokens.verify("api", token)
    statements: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *of: statements.append(of[2]))
    assert all(tokens.verify("api", token) for _ in range(100))
    assert not tokens.verify("api", "nmt_wrong")
    assert statements == []


def test_what_another_process_does_is_noticed_soon(engine: Engine) -> None:
    clock = Clock()
    here, there = Tokens(engine, clock), Tokens(engine, clock)
    assert not here.verify("api", "nmt_none")
    token = there.issue("api")
    clock.ms += 100
    assert here.verify("api", token), "it may be used as soon as its command has ended"
    there.revoke(token)
    clock.ms += 2000
    assert not here.verify("api", token)


def test_wrong_tokens_ask_the_database_ten_times_a_second_at_most(engine: Engine) -> None:
    clock = Clock()
    tokens = Tokens(engine, clock)
    tokens.issue("api")
    statements: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *of: statements.append(of[2]))
    for _ in range(1000):
        assert not tokens.verify("api", "nmt_wrong")
        clock.ms += 1
    assert sum("FROM tokens" in one for one in statements) == 10


def test_a_clock_that_steps_back_does_not_keep_a_revoked_token_alive(engine: Engine) -> None:
    clock = Clock()
    here, there = Tokens(engine, clock), Tokens(engine, clock)
    token = there.issue("api")
    assert here.verify("api", token)
    there.revoke(token)
    clock.ms -= 3_600_000
    assert not here.verify("api", token)


def test_a_revoked_token_is_worthless_at_once(engine: Engine) -> None:
    tokens = Tokens(engine, Clock())
    token = tokens.issue("api")
    assert tokens.verify("api", token)
    assert tokens.revoke(token)
    assert not tokens.verify("api", token)
    assert not tokens.revoke(token)


def test_the_last_use_is_written_when_asked_to(engine: Engine) -> None:
    clock = Clock()
    tokens = Tokens(engine, clock)
    used, _ = tokens.issue("api", name="laptop"), tokens.issue("api", name="spare")
    clock.ms += 500
    tokens.verify("api", used)
    tokens.verify("api", "nmt_wrong")
    tokens.save_uses()
    tokens.save_uses()
    with engine.connect() as connection:
        rows = connection.execute(select(table.c.name, table.c.last_used_ms).order_by(table.c.id)).all()
    assert [tuple(row) for row in rows] == [("laptop", clock.ms), ("spare", None)]
