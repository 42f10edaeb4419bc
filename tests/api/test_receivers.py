"""Receivers: seen, previewed, and told of a test through the outbox."""

import asyncio
import sys
from pathlib import Path

import orjson
import pytest

from tests.api.assembly import running
from tests.api.lab import Lab
from tests.api.test_rules import send

TELL = "import sys; open(sys.argv[1], 'a').write(sys.stdin.read() + '\\n')"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """`ops` has a program that writes down what it is told, and one that fails for good."""
    command = [sys.executable, "-c", TELL, str(tmp_path / "told")]
    broken = [sys.executable, "-c", "import sys; sys.exit(78)"]
    receivers = [
        {"name": "nobody"},
        {"name": "ops", "script_configs": [{"command": command}, {"command": broken}]},
        {
            "name": "mail",
            "email_configs": [{"to": "a@example.org", "from": "b@example.org", "smarthost": "127.0.0.1:1"}],
        },
    ]
    path = tmp_path / "alertmanager.yml"
    path.write_bytes(orjson.dumps({"route": {"receiver": "nobody"}, "receivers": receivers}))
    return path


async def test_receivers_are_listed_with_their_channels(tmp_path: Path, file: Path) -> None:
    async with running(tmp_path, alerting_file=file) as lab:
        listed = await lab.get("/api/v1/receivers")
    assert [(one["name"], one["endpoints"]) for one in listed["results"]] == [
        ("mail", ["email/0"]),
        ("nobody", []),
        ("ops", ["script/0", "script/1"]),
    ]


async def test_a_preview_has_the_texts_as_they_would_be_sent(tmp_path: Path, file: Path) -> None:
    async with running(tmp_path, alerting_file=file) as lab:
        body = {"labels": {"severity": "critical", "host": "<b>"}}
        texts = (await send(lab, "POST", "/api/v1/receivers/mail/preview", body))["endpoints"]["email/0"]
        over = await send(lab, "POST", "/api/v1/receivers/mail/preview", {"resolved": True})
    assert texts["headers.Subject"] == "[FIRING:1] This is a test: netmon can reach you (critical)"
    assert "host=<b>" in texts["text"]
    assert "host=&lt;b&gt;" in texts["html"]
    assert over["endpoints"]["email/0"]["headers.Subject"].startswith("[RESOLVED]")


async def test_a_test_goes_through_the_outbox_and_says_what_came_of_it(tmp_path: Path, file: Path) -> None:
    async with running(tmp_path, alerting_file=file) as lab:
        told = (await send(lab, "POST", "/api/v1/receivers/ops/test", {}))["notifications"]
        receipts = (await lab.get("/api/v1/notifications"))["results"]
        await _settled(lab)
    assert [(one["endpoint"], one["state"]) for one in told] == [("script/0", "delivered"), ("script/1", "dead")]
    assert "ended with 78" in told[1]["error"]
    assert {one["key"] for one in told} <= {one["key"] for one in receipts}
    news = [orjson.loads(line) for line in (tmp_path / "told").read_text().splitlines()]
    assert [one["status"] for one in news] == ["firing", "resolved"], "no incident stays open"
    assert news[0]["commonLabels"]["alertname"] == "NetmonTest"


async def test_a_receiver_that_is_not_there_is_told(tmp_path: Path, file: Path) -> None:
    async with running(tmp_path, alerting_file=file) as lab:
        for what in ("preview", "test"):
            told = await send(lab, "POST", f"/api/v1/receivers/op/{what}", {}, status=404)
            assert "no such receiver" in str(told)


async def _settled(lab: Lab) -> None:
    """Waits until nothing is pending."""
    for _ in range(200):
        if not (await lab.get("/api/v1/notifications", ("state", "pending")))["results"]:
            return
        await asyncio.sleep(0.05)
