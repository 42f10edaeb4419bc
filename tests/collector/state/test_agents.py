"""An agent keeps its handle whatever becomes of its name, and nobody takes another's place."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine

from netmon_collector.state.agents import Agents, KeyMismatch, first_free, handle_of
from netmon_proto.model import Hello

HELLO = Hello("id-1", b"k" * 32, "Web1.example.NET", "0.1.0", "Linux x86_64", 0, 10_000, 1, 1, 0)


def test_the_first_hello_gives_a_handle(engine: Engine) -> None:
    record = Agents(engine).admit(HELLO, now_ms=5)
    assert (record.instance, record.hostname, record.name) == ("web1.example.net", "Web1.example.NET", record.hostname)
    assert (record.version, record.platform, record.interval_ms) == ("0.1.0", "Linux x86_64", 10_000)
    assert (record.first_seen_ms, record.last_seen_ms) == (5, 5)


def test_hosts_of_one_name_get_different_handles(engine: Engine) -> None:
    agents = Agents(engine)
    hellos = [replace(HELLO, agent_id=f"id-{n}", hostname=name) for n, name in enumerate(["db", "DB", "db.", "db-2"])]
    assert [agents.admit(hello, 1).instance for hello in hellos] == ["db", "db-2", "db-3", "db-2-2"]


def test_a_rename_changes_the_name_and_not_the_handle(engine: Engine) -> None:
    agents = Agents(engine)
    first = agents.admit(HELLO, 1)
    later = agents.admit(replace(HELLO, hostname="web2", version="0.2.0", platform="Linux arm64", interval_ms=5_000), 9)
    assert later == replace(
        first,
        hostname="web2",
        name="web2",
        version="0.2.0",
        platform="Linux arm64",
        interval_ms=5_000,
        last_seen_ms=9,
    )
    assert agents.all() == [later]


def test_another_key_is_refused_and_changes_nothing(engine: Engine) -> None:
    agents = Agents(engine)
    record = agents.admit(HELLO, 1)
    with pytest.raises(KeyMismatch, match="id-1"):
        agents.admit(replace(HELLO, agent_key=b"x" * 32, hostname="evil"), 2)
    assert agents.all() == [record]


def test_agents_are_there_after_a_restart_in_order_of_their_handles(engine: Engine) -> None:
    agents = Agents(engine)
    for name in ("b", "c", "a"):
        agents.admit(replace(HELLO, agent_id=name, hostname=name), 1)
    agents.seen({"c": 77})
    engine.dispose()
    assert [(record.instance, record.last_seen_ms) for record in Agents(engine).all()] == [
        ("a", 1),
        ("b", 1),
        ("c", 77),
    ]


@pytest.mark.parametrize(
    ("hostname", "handle"),
    [
        ("web1", "web1"),
        ("WEB_1.Lan.", "web_1.lan"),
        ("a b/c\\..\n'; DROP", "a-b-c-..-drop"),
        ("ünï", "n"),
        ("…", "host"),
        ("", "host"),
        ("x" * 300, "x" * 253),
    ],
)
def test_a_handle_is_plain_text(hostname: str, handle: str) -> None:
    assert handle_of(hostname) == handle


@given(st.text(max_size=300), st.integers(0, 12))
def test_every_hostname_finds_a_free_handle(hostname: str, others: int) -> None:
    taken: set[str] = set()
    for _ in range(others + 1):
        handle = first_free(handle_of(hostname), taken)
        assert handle not in taken
        assert handle
        assert len(handle) <= 253
        taken.add(handle)
