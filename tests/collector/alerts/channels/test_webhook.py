"""Webhooks: Alertmanager's payload, signed, guarded."""

import hashlib
import hmac
from pathlib import Path

import pytest

from netmon_collector.alerts.channel import NotDelivered
from netmon_collector.alerts.channels.http import Guard
from netmon_collector.alerts.channels.webhook import WebhookOptions
from netmon_configs.load import ConfigError
from tests.collector.alerts.channels.desk import message, serving, surroundings


async def test_a_server_gets_alertmanagers_payload() -> None:
    async with serving() as server, surroundings() as around:
        channel = WebhookOptions.model_validate({"url": f"{server.url}/hook?x=1"}).open(around)
        assert await channel.send(message()) == ""
        await channel.send(message(over=True))
    first, second = (sent.json for sent in server.sent)
    assert (server.sent[0].method, server.sent[0].path) == ("POST", "/hook?x=1")
    assert first == {
        "version": "4",
        "groupKey": '{}:{alertname="Down"}',
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": "ops",
        "groupLabels": {"alertname": "Down"},
        "commonLabels": {"alertname": "Down", "host": "web1", "severity": "critical"},
        "commonAnnotations": {},
        "externalURL": "https://netmon.example",
        "alerts": [
            {
                "status": "firing",
                "labels": {"alertname": "Down", "host": "web1", "severity": "critical"},
                "annotations": {},
                "startsAt": "2023-11-14T22:13:20Z",
                "endsAt": "0001-01-01T00:00:00Z",
                "generatorURL": "",
                "fingerprint": message().notification.alerts[0].fingerprint,
            }
        ],
        "notificationKey": "0123456789abcdef0123456789abcdef",
        "probableCause": "",
    }
    assert isinstance(second, dict)
    assert (second["status"], second["alerts"][0]["endsAt"]) == ("resolved", "2023-11-14T22:14:20.5Z")


async def test_with_a_secret_the_body_is_signed(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("open sesame\n")
    async with serving() as server, surroundings() as around:
        options = {"url": server.url, "secret_file": str(tmp_path / "secret")}
        await WebhookOptions.model_validate(options).open(around).send(message())
    digest = hmac.new(b"open sesame", server.sent[0].body, hashlib.sha256).hexdigest()
    assert server.sent[0].headers["X-Netmon-Signature"] == f"sha256={digest}"
    assert server.sent[0].headers["Idempotency-Key"] == message().notification.key


@pytest.mark.parametrize(
    ("status", "permanent"),
    [(400, True), (404, True), (302, True), (429, False), (408, False), (500, False), (503, False)],
)
async def test_the_status_says_whether_to_try_again(status: int, permanent: bool) -> None:
    async with serving() as server, surroundings() as around:
        server.status, server.headers = status, {"Retry-After": "7", "Location": "http://127.0.0.1:1/"}
        channel = WebhookOptions.model_validate({"url": server.url}).open(around)
        with pytest.raises(NotDelivered, match=f"answered {status}") as caught:
            await channel.send(message())
    assert (caught.value.permanent, caught.value.retry_after_s) == (permanent, 7.0)
    assert len(server.sent) == 1, "a redirect is not followed"


@pytest.mark.parametrize(
    ("asked", "wait_s"),
    [
        ("Wed, 21 Oct 2026 07:30:10 GMT", 130.0),
        ("Wed, 21 Oct 2026 07:00:00 GMT", 0.0),
        ("soon", None),
        ("99999999", None),
        ("", None),
    ],
)
async def test_a_time_to_wait_until_is_by_the_servers_own_clock(asked: str, wait_s: float | None) -> None:
    async with serving() as server, surroundings() as around:
        server.status = 503
        server.headers = {"Retry-After": asked, "Date": "Wed, 21 Oct 2026 07:28:00 GMT"}
        channel = WebhookOptions.model_validate({"url": server.url}).open(around)
        with pytest.raises(NotDelivered) as caught:
            await channel.send(message())
    assert caught.value.retry_after_s == wait_s


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "169.254.169.254",
        "0.0.0.0",
        "[fe80::1]",
        "[2002:7f00:1::]",
    ],
)
async def test_this_machine_and_its_links_are_asked_only_if_that_is_allowed(host: str) -> None:
    async with surroundings(Guard()) as around:
        channel = WebhookOptions.model_validate({"url": f"http://{host}:9/"}).open(around)
        with pytest.raises(NotDelivered, match="may not be asked") as caught:
            await channel.send(message())
    assert caught.value.permanent


async def test_nobody_there_is_tried_again_and_told_without_the_url() -> None:
    async with surroundings() as around:
        channel = WebhookOptions.model_validate({"url": "http://127.0.0.1:1/secret-path"}).open(around)
        with pytest.raises(NotDelivered) as caught:
            await channel.send(message())
    assert not caught.value.permanent
    assert "secret-path" not in str(caught.value)


async def test_a_secret_that_is_not_there_is_told_at_the_start(tmp_path: Path) -> None:
    async with surroundings() as around:
        with pytest.raises(ConfigError, match="cannot be read: No such file"):
            WebhookOptions.model_validate({"url_file": str(tmp_path / "none")}).open(around)
