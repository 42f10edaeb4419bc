"""Chats: what each service's documentation asks of a request (named in each channel's file), and which errors pass."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp import web

from netmon_collector.alerts.channel import Message, NotDelivered
from netmon_collector.alerts.channels.base import ChannelOptions, Globals
from netmon_collector.alerts.channels.matrix import MatrixOptions
from netmon_collector.alerts.channels.msteams import TeamsOptions
from netmon_collector.alerts.channels.ntfy import NtfyOptions
from netmon_collector.alerts.channels.slack import SlackOptions
from netmon_collector.alerts.channels.telegram import TelegramOptions
from netmon_configs.load import ConfigError
from tests.collector.alerts.channels.desk import Server, message, serving, surroundings

SECRET = "s3cr3t"  # what no error may tell


async def send(options: type[ChannelOptions], given: Mapping[str, Any], *messages: Message) -> list[str]:
    async with surroundings() as around:
        channel = options.model_validate(given).open(around)
        return [await channel.send(one) for one in messages]


def saying(summary: str) -> Message:
    base = message()
    one = replace(base.notification.alerts[0], annotations=(("summary", summary),))
    return replace(base, notification=replace(base.notification, alerts=(one,)))


def body(server: Server, place: int = 0) -> dict[str, Any]:
    found = server.sent[place].json
    assert isinstance(found, dict)
    return found


async def test_slack_gets_an_attachment_in_which_nobody_can_be_called() -> None:
    async with serving() as server:
        server.body = b"ok"
        given = {"api_url": f"{server.url}/services/{SECRET}", "channel": "#ops"}
        assert await send(SlackOptions, given, saying("<!channel> it's R&D")) == [""]
    told = body(server)
    (attachment,) = told["attachments"]
    assert (told["channel"], told["username"], attachment["color"]) == ("#ops", "netmon", "danger")
    assert attachment["title"] == "[FIRING:1] &lt;!channel&gt; it's R&amp;D (critical)"
    assert attachment["title_link"] == "https://netmon.example"
    assert "since 2023-11-14 22:13 UTC" in attachment["text"]


async def test_slack_as_an_app_keeps_a_group_in_one_thread(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(f"{SECRET}\n")
    async with serving() as server:
        server.body = b'{"ok": true, "ts": "1700000000.0001"}'
        given = {"app_url": f"{server.url}/api", "app_token_file": str(tmp_path / "token"), "channel": "C1"}
        (first,) = await send(SlackOptions, given, message())
        (second,) = await send(SlackOptions, given, message(over=True, reference=first))
    assert first == second == "1700000000.0001"
    assert server.sent[0].headers["Authorization"] == f"Bearer {SECRET}"
    assert "thread_ts" not in body(server)
    assert body(server, 1)["thread_ts"] == first
    assert body(server, 1)["attachments"][0]["color"] == "good"


@pytest.mark.parametrize(
    ("error", "permanent"),
    [
        ("channel_not_found", True),
        ("invalid_auth", True),
        ("ratelimited", False),
        ("internal_error", False),
        ("org_login_required", False),
    ],
)
async def test_slacks_200_that_is_none(error: str, permanent: bool) -> None:
    async with serving() as server:
        server.body = orjson.dumps({"ok": False, "error": error})
        given = {"app_url": server.url, "app_token": SECRET, "channel": "C1"}
        for reference in ("", "1700000000.0001"):
            with pytest.raises(NotDelivered, match=f"Slack refuses: {error}") as caught:
                await send(SlackOptions, given, message(reference=reference))
            assert caught.value.permanent is permanent


async def test_slacks_url_may_hold_for_all_and_is_never_told() -> None:
    async with serving() as server, surroundings() as around:
        defaults = Globals.model_validate({"slack_api_url": f"{server.url}/services/{SECRET}"})
        server.status, server.body, server.headers = 429, b"slow down", {"Retry-After": "30"}
        channel = SlackOptions().open(replace(around, defaults=defaults))
        with pytest.raises(NotDelivered, match="answered 429") as caught:
            await channel.send(message())
        with pytest.raises(ConfigError, match="'slack_api_url' under 'global'"):
            SlackOptions().open(around)
    assert (caught.value.permanent, caught.value.retry_after_s) == (False, 30.0)
    assert SECRET not in str(caught.value) + repr(defaults)


async def test_teams_gets_an_adaptive_card() -> None:
    async with serving() as server:
        server.status = 202
        await send(TeamsOptions, {"webhook_url": f"{server.url}/workflows"}, message())
    (card,) = body(server)["attachments"]
    content = card["content"]
    assert (body(server)["type"], card["contentType"]) == ("message", "application/vnd.microsoft.card.adaptive")
    assert (content["type"], content["version"]) == ("AdaptiveCard", "1.4")
    assert content["body"][0]["text"] == "[FIRING:1] Down (critical)"
    assert content["body"][0]["color"] == "Attention"
    assert content["actions"][0]["url"] == "https://netmon.example"


async def test_teams_200_that_tells_of_an_error_is_tried_again() -> None:
    async with serving() as server:
        server.body = b"Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 429"
        with pytest.raises(NotDelivered, match="Teams did not take it") as caught:
            await send(TeamsOptions, {"webhook_url": server.url}, message())
    assert not caught.value.permanent


async def test_telegram_gets_html_and_replies_to_its_first_message() -> None:
    async with serving() as server:
        server.body = b'{"ok": true, "result": {"message_id": 77}}'
        given = {"api_url": server.url, "bot_token": SECRET, "chat_id": -100, "message_thread_id": 5}
        assert await send(TelegramOptions, given, saying("<b>x"), message(reference="70")) == ["77", "70"]
    told = body(server)
    assert server.sent[0].path == f"/bot{SECRET}/sendMessage"
    assert (told["chat_id"], told["message_thread_id"], told["parse_mode"]) == (-100, 5, "HTML")
    assert "&lt;b&gt;x" in told["text"]
    assert "reply_parameters" not in told
    assert body(server, 1)["reply_parameters"] == {"message_id": 70, "allow_sending_without_reply": True}


async def test_telegram_gets_plain_text_where_marked_up_text_is_too_long() -> None:
    async with serving() as server:
        server.body = b'{"ok": true, "result": {"message_id": 77}}'
        await send(TelegramOptions, {"api_url": server.url, "bot_token": SECRET, "chat_id": 1}, saying("<b>" * 3000))
    assert "parse_mode" not in body(server)
    assert len(body(server)["text"]) == 4096
    assert body(server)["text"].startswith("[FIRING:1] <b><b>")


async def test_telegram_follows_a_group_that_became_a_supergroup() -> None:
    class Moved(Server):
        async def answer(self, request: web.Request) -> web.Response:
            await super().answer(request)
            if body(self, -1)["chat_id"] == -100123:
                return web.json_response({"ok": True, "result": {"message_id": 7}})
            told = {
                "ok": False,
                "description": "group chat was upgraded",
                "parameters": {"migrate_to_chat_id": -100123},
            }
            return web.json_response(told, status=400)

    async with serving(Moved()) as server:
        given = {"api_url": server.url, "bot_token": SECRET, "chat_id": -5}
        assert await send(TelegramOptions, given, message(), message(reference="7")) == ["7", "7"]
        assert [body(server, place)["chat_id"] for place in range(3)] == [-5, -100123, -100123]


async def test_a_card_for_teams_is_never_larger_than_it_may_be() -> None:
    async with serving() as server:
        for text in ("\N{GRINNING FACE}" * 20_000, "\n" * 20_000, '"' * 20_000, "\N{EURO SIGN}" * 20_000):
            await send(TeamsOptions, {"webhook_url": server.url, "title": text, "text": text}, message())
    assert max(len(one.body) for one in server.sent) <= 28 * 1024


@pytest.mark.parametrize(
    ("status", "answer", "permanent", "wait_s"),
    [
        (403, {"ok": False, "description": "Forbidden: bot was blocked by the user"}, True, None),
        (400, {"ok": False, "description": "Bad Request: chat not found"}, True, None),
        (429, {"ok": False, "description": "Too Many", "parameters": {"retry_after": 12}}, False, 12.0),
        (502, {}, False, None),
    ],
)
async def test_telegrams_errors(status: int, answer: object, permanent: bool, wait_s: float | None) -> None:
    async with serving() as server:
        server.status, server.body = status, orjson.dumps(answer)
        with pytest.raises(NotDelivered, match=f"answered {status}") as caught:
            await send(
                TelegramOptions,
                {"api_url": server.url, "bot_token": SECRET, "chat_id": 1},
                message(reference="5"),
            )
    assert (caught.value.permanent, caught.value.retry_after_s) == (permanent, wait_s)
    assert SECRET not in str(caught.value)


async def test_ntfy_gets_json_with_a_priority_by_severity() -> None:
    async with serving() as server:
        await send(NtfyOptions, {"url": server.url, "topic": "ops", "token": SECRET}, message(), message(over=True))
    first, second = body(server), body(server, 1)
    assert server.sent[0].headers["Authorization"] == f"Bearer {SECRET}"
    assert (first["topic"], first["title"], first["priority"]) == ("ops", "[FIRING:1] Down (critical)", 5)
    assert (first["tags"], first["click"]) == (["rotating_light"], "https://netmon.example")
    assert (second["priority"], second["tags"]) == (2, ["white_check_mark"])


async def test_ntfy_never_makes_an_attachment_of_a_text() -> None:
    async with serving() as server:
        await send(NtfyOptions, {"url": server.url, "topic": "ops"}, saying("ø" * 5000))
    assert len(body(server)["message"].encode()) <= 4096


async def test_matrix_drops_doubles_by_the_key_and_has_threads() -> None:
    async with serving() as server:
        server.body = b'{"event_id": "$first"}'
        given = {"homeserver_url": server.url, "room_id": "!abc:example.org", "access_token": SECRET}
        (first,) = await send(MatrixOptions, given, message())
        await send(MatrixOptions, given, message(over=True, reference=first))
    sent = server.sent[0]
    key = message().notification.key
    assert sent.method == "PUT"
    assert sent.path.endswith(f"/send/m.room.message/{key}")
    assert sent.headers["Authorization"] == f"Bearer {SECRET}"
    assert (body(server)["msgtype"], body(server)["format"]) == ("m.text", "org.matrix.custom.html")
    assert body(server, 1)["m.relates_to"]["event_id"] == first == "$first"
    assert body(server, 1)["m.relates_to"]["rel_type"] == "m.thread"


@pytest.mark.parametrize(
    ("status", "answer", "permanent", "wait_s"),
    [
        (429, {"errcode": "M_LIMIT_EXCEEDED", "error": "Too fast", "retry_after_ms": 2500}, False, 2.5),
        (403, {"errcode": "M_FORBIDDEN", "error": "not in room"}, True, None),
        (401, {"errcode": "M_UNKNOWN_TOKEN", "error": "no"}, True, None),
        (504, {}, False, None),
    ],
)
async def test_matrix_errors(status: int, answer: object, permanent: bool, wait_s: float | None) -> None:
    async with serving() as server:
        server.status, server.body = status, orjson.dumps(answer)
        given = {"homeserver_url": server.url, "room_id": "!a:b", "access_token": SECRET}
        with pytest.raises(NotDelivered, match=f"answered {status}") as caught:
            await send(MatrixOptions, given, message(reference="$x"))
    assert (caught.value.permanent, caught.value.retry_after_s) == (permanent, wait_s)
    assert SECRET not in str(caught.value)
