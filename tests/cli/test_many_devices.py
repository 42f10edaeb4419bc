"""`netmon device add` with many hosts."""

import io
from pathlib import Path
from typing import Any

import pytest

from netmon_cli.client import Client
from netmon_cli.failure import Exit, Failure
from netmon_cli.many_devices import add_all, hosts_in
from netmon_cli.snmp import Wish

NOW = "2026-01-31T12:00:00.000Z"


def device(host: str, answered: bool | None) -> dict[str, Any]:
    texts = "profile vendor os model version serial object_id sys_name descr location wanted_profile site".split()
    plain = {"instance": host, "name": host, "host": host, "port": 161, "poller": "here", "credential": "public"}
    more = {"credentials": ["public"], "interval_s": 60.0, "speeds_bps": {}, "state": "unknown", "last_poll": None}
    told = {
        "reported": None if answered is None else NOW,
        "answered": answered,
        "trouble": "" if answered else "silent",
    }
    return plain | more | told | dict.fromkeys(texts, "")


class Collector:
    """Takes devices, and knows of them with the second look."""

    def __init__(self, outcome: dict[str, bool | None]) -> None:
        self.outcome = outcome
        self.sent: list[list[str]] = []
        self.looks = 0

    def send(self, method: str, path: str, body: Any, timeout_s: float) -> Any:
        assert (method, path) == ("POST", "/api/v1/snmp/devices/batch")
        hosts = [one["host"] for one in body["devices"]]
        self.sent.append(hosts)
        refused = [{"place": 0, "host": "bad", "message": "is polled already"}] if "bad" in hosts else []
        return {"added": [device(host, None) for host in hosts if host != "bad"], "refused": refused}

    def pages(self, path: str) -> Any:
        self.looks += 1
        known = {host: answered if self.looks > 1 else None for host, answered in self.outcome.items()}
        return {"results": [device(host, answered) for host, answered in known.items()]}

    def understand(self, answer: Any, model: Any) -> Any:
        return model.model_validate(answer)


def run(outcome: dict[str, bool | None], hosts: list[str], monkeypatch: pytest.MonkeyPatch) -> tuple[Exit, Collector]:
    monkeypatch.setattr("netmon_cli.many_devices.LOOK_EVERY_S", 0.01)
    collector: Any = Collector(outcome)
    client: Client = collector
    return add_all(client, [Wish(host) for host in hosts], 0.2, as_json=False), collector


def test_all_are_added_and_waited_for_together(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    hosts = [f"sw{number}" for number in range(1200)]
    ended, collector = run({**dict.fromkeys(hosts, True), "another": None}, hosts, monkeypatch)
    assert ended is Exit.FINE
    assert [len(some) for some in collector.sent] == [500, 500, 200]
    assert capsys.readouterr().out == "1,200 added, 1,200 answer, 0 do not\n"


def test_who_does_not_answer_or_was_not_added_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    outcome: dict[str, bool | None] = {"up": True, "slow": None, **{f"down{n}": False for n in range(22)}}
    ended, _ = run(outcome, ["bad", *outcome], monkeypatch)
    assert ended is Exit.WRONG
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["bad was not added: is polled already", "down0 does not answer: silent"]
    assert lines[-2:] == ["… and 2 more", "24 added, 1 answer, 22 do not, 1 not asked yet, 1 refused"]


def test_hosts_come_from_a_file_or_from_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "hosts"
    file.write_text("# switches\nsw1  # core\n\nsw2:1161\nsw1\n", encoding="utf-8")
    assert hosts_in(file) == ["sw1", "sw2:1161"]
    monkeypatch.setattr("sys.stdin", io.StringIO("sw3\n"))
    assert hosts_in(Path("-")) == ["sw3"]
    with pytest.raises(Failure, match="No such file"):
        hosts_in(tmp_path / "none")
