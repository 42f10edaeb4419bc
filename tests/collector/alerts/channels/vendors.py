"""Servers that refuse what a service's own would: methods, headers, fields, types and limits as its documentation has
them. Each takes a request and says what is wrong with it."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

import jsonschema
from aiohttp import web

from tests.collector.alerts.channels.desk import Sent, Server

Complaints = Iterator[str]


@dataclass
class Vendor(Server):
    """`judge` says what is wrong with a request; such a one is answered with 400."""

    judge: Callable[[Sent], Complaints] = field(default=lambda _: iter(()))
    refused: list[str] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.Response:
        taken = await super().answer(request)
        if complaints := list(self.judge(self.sent[-1])):
            self.refused += complaints
            return web.Response(status=400, text="; ".join(complaints))
        return taken


def _object(properties: dict[str, Any], *required: str) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


def _text(most: int | None = None, least: int = 0) -> dict[str, Any]:
    return {"type": "string", "minLength": least, **({} if most is None else {"maxLength": most})}


def _against(schema: dict[str, Any], sent: Sent) -> Complaints:
    for error in jsonschema.Draft202012Validator(schema).iter_errors(sent.json):
        yield f"{'/'.join(map(str, error.absolute_path))}: {error.message[:200]}"


def _asked(sent: Sent, method: str, path: str) -> Complaints:
    if (sent.method, re.fullmatch(path, sent.path) is not None) != (method, True):
        yield f"{sent.method} {sent.path}"
    if sent.headers.get("Content-Type") != "application/json":
        yield "no JSON"


_ATTACHMENT = _object(
    {
        "color": {"type": "string", "pattern": "^(good|warning|danger|#[0-9A-Fa-f]{6})$"},
        "title": _text(),
        "title_link": _text(),
        "pretext": _text(),
        "text": _text(8000),
        "fallback": _text(),
        "footer": _text(300),
        "mrkdwn_in": {"type": "array", "items": {"type": "string"}},
    }
)


def slack(sent: Sent) -> Complaints:
    """docs.slack.dev/reference/methods/chat.postMessage; attachments as github.com/slackapi/python-slack-sdk,
    slack_sdk/models/attachments, has them."""
    properties = {name: _text(None, 1) for name in ("channel", "username", "icon_emoji", "icon_url", "thread_ts")}
    attachments = {"type": "array", "items": _ATTACHMENT, "minItems": 1, "maxItems": 20}
    whole = _object({**properties, "link_names": {"type": "boolean"}, "attachments": attachments}, "channel")
    yield from _asked(sent, "POST", "/api")
    yield from _against(whole, sent)
    if not sent.headers.get("Authorization", "").startswith("Bearer "):
        yield "not_authed"


_BLOCK = _object(
    {
        "type": {"const": "TextBlock"},
        "text": _text(),
        "color": {"enum": ["Default", "Dark", "Light", "Accent", "Good", "Warning", "Attention"]},
        "weight": {"enum": ["Default", "Lighter", "Bolder"]},
        "size": {"enum": ["Default", "Small", "Medium", "Large", "ExtraLarge"]},
        "wrap": {"type": "boolean"},
    },
    "type",
    "text",
)
_OPEN = _object({"type": {"const": "Action.OpenUrl"}, "title": _text(), "url": _text(None, 1)}, "type", "url")


def teams(sent: Sent) -> Complaints:
    """learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using; the card by the
    elements of github.com/microsoft/AdaptiveCards, schemas/1.4.0, that are used."""
    card = _object(
        {
            "$schema": _text(),
            "type": {"const": "AdaptiveCard"},
            "version": {"enum": ["1.0", "1.1", "1.2", "1.3", "1.4"]},
            "msteams": {"type": "object"},
            "body": {"type": "array", "items": _BLOCK},
            "actions": {"type": "array", "items": _OPEN, "maxItems": 6},
        },
        "type",
        "version",
    )
    kind = {"const": "application/vnd.microsoft.card.adaptive"}
    attachment = _object(
        {"contentType": kind, "contentUrl": {"type": "null"}, "content": card}, "contentType", "content"
    )
    attachments = {"type": "array", "items": attachment, "minItems": 1}
    yield from _asked(sent, "POST", "/workflows")
    yield from _against(
        _object({"type": {"const": "message"}, "attachments": attachments}, "type", "attachments"), sent
    )
    if len(sent.body) > 28 * 1024:
        yield f"{len(sent.body)} bytes"


class _Entities(HTMLParser):
    """The tags of core.telegram.org/bots/api#html-style, closed in order; counts what is left of the text."""

    known = frozenset({"b", "strong", "i", "em", "u", "ins", "s", "strike", "del", "a", "code", "pre", "blockquote"})

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.wrong: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open.append(tag)
        if tag not in self.known or [name for name, _ in attrs if (tag, name) != ("a", "href")]:
            self.wrong.append(f"can't parse entities: <{tag}>")

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(f"can't parse entities: </{tag}>")

    def handle_data(self, data: str) -> None:
        self.text += data


def telegram(sent: Sent) -> Complaints:
    """core.telegram.org/bots/api#sendmessage"""
    reply = _object(
        {"message_id": {"type": "integer"}, "allow_sending_without_reply": {"type": "boolean"}}, "message_id"
    )
    properties = {
        "chat_id": {"type": "integer"},
        "text": _text(None, 1),
        "parse_mode": {"enum": ["HTML", "Markdown", "MarkdownV2"]},
        "disable_notification": {"type": "boolean"},
        "link_preview_options": _object({"is_disabled": {"type": "boolean"}}),
        "reply_parameters": reply,
    }
    yield from _asked(sent, "POST", "/bot[^/]+/sendMessage")
    yield from _against(_object(properties, "chat_id", "text"), sent)
    told: Any = sent.json
    read = _Entities()
    if told.get("parse_mode"):
        read.feed(told["text"])
        read.close()
        yield from read.wrong + [f"can't parse entities: <{tag}> has no end" for tag in read.open]
    text = read.text if told.get("parse_mode") else told["text"]
    if not text.strip() or len(text.encode("utf-16-le")) // 2 > 4096:
        yield "message is empty or too long"


def pagerduty(sent: Sent) -> Complaints:
    """github.com/PagerDuty/developer-docs, docs/events-API-v2"""
    payload = _object(
        {
            "summary": _text(1024, 1),
            "source": _text(None, 1),
            "severity": {"enum": ["critical", "error", "warning", "info"]},
            "timestamp": {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)$"},
            **{name: _text() for name in ("component", "group", "class")},
            "custom_details": {"type": "object"},
        },
        "summary",
        "source",
        "severity",
    )
    properties = {
        "routing_key": _text(32, 32),
        "event_action": {"enum": ["trigger", "acknowledge", "resolve"]},
        "dedup_key": _text(255, 1),
        "client": _text(),
        "client_url": _text(),
        "payload": payload,
    }
    told: Any = sent.json
    needed = ("routing_key", "event_action", "payload" if told.get("event_action") == "trigger" else "dedup_key")
    yield from _asked(sent, "POST", "/v2/enqueue")
    yield from _against(_object(properties, *needed), sent)
    if len(sent.body) > 512 * 1000:
        yield f"{len(sent.body)} bytes"


def opsgenie(sent: Sent) -> Complaints:
    """docs.opsgenie.com/docs/alert-api"""
    details = {"type": "object", "additionalProperties": {"type": "string"}}
    tags = {"type": "array", "items": _text(50, 1), "maxItems": 20, "uniqueItems": True}
    properties = {
        "message": _text(130, 1),
        "alias": _text(512, 1),
        "description": _text(15_000),
        "details": details,
        "tags": tags,
        "source": _text(100),
        "entity": _text(512),
        "note": _text(25_000),
        "priority": {"enum": ["P1", "P2", "P3", "P4", "P5"]},
    }
    told: Any = sent.json
    if sent.path == "/v2/alerts":
        yield from _asked(sent, "POST", "/v2/alerts")
        yield from _against(_object(properties, "message"), sent)
        if sum(len(name) + len(text) for name, text in told.get("details", {}).items()) > 8000:
            yield "details"
    else:
        yield from _asked(sent, "POST", r"/v2/alerts/[0-9a-f]{64}/close\?identifierType=alias")
        yield from _against(_object({"source": _text(100), "note": _text(25_000)}), sent)
    if not sent.headers.get("Authorization", "").startswith("GenieKey "):
        yield "no key"


def ntfy(sent: Sent) -> Complaints:
    """docs.ntfy.sh/publish/#publish-as-json and #limitations; of title and tags, release 2.28.0."""
    properties = {
        "topic": {"type": "string", "pattern": "^[-_A-Za-z0-9]{1,64}$"},
        "title": _text(),
        "message": _text(),
        "priority": {"type": "integer", "minimum": 1, "maximum": 5},
        "tags": {"type": "array", "items": _text()},
        "click": _text(None, 1),
    }
    told: Any = sent.json
    yield from _asked(sent, "POST", "/")
    yield from _against(_object(properties, "topic"), sent)
    if len(told["message"].encode()) > 4096 or len(told["title"].encode()) > 1024:
        yield "too long"
    if len(",".join(told["tags"]).encode()) > 512:
        yield "40058: tags"


def matrix(sent: Sent) -> Complaints:
    """spec.matrix.org/latest/client-server-api: PUT /rooms/{roomId}/send, m.room.message, m.thread, size limits."""
    relation = _object(
        {
            "rel_type": {"const": "m.thread"},
            "event_id": {"type": "string", "pattern": r"^\$"},
            "is_falling_back": {"type": "boolean"},
            "m.in_reply_to": _object({"event_id": {"type": "string", "pattern": r"^\$"}}, "event_id"),
        },
        "rel_type",
        "event_id",
    )
    properties = {
        "msgtype": {"const": "m.text"},
        "body": _text(),
        "format": {"const": "org.matrix.custom.html"},
        "formatted_body": _text(),
        "m.relates_to": relation,
    }
    yield from _asked(sent, "PUT", r"/_matrix/client/v3/rooms/[^/]+/send/m\.room\.message/[^/]{1,255}")
    yield from _against(_object(properties, "msgtype", "body"), sent)
    if len(sent.body) > 65_536 - 2_000:  # what the server adds: ids, hashes, signatures
        yield f"M_TOO_LARGE: {len(sent.body)} bytes"
    if not sent.headers.get("Authorization", "").startswith("Bearer "):
        yield "M_MISSING_TOKEN"


def jira(sent: Sent) -> Complaints:
    """developer.atlassian.com/cloud/jira/platform/rest/v2, issues; a label has no white space and 255 characters."""
    label = {"type": "string", "pattern": r"^\S{1,255}$"}
    fields = _object(
        {
            "summary": {"type": "string", "pattern": r"^[^\r\n]{1,255}$"},
            "description": _text(32_767),
            "labels": {"type": "array", "items": label},
            "priority": _object({"name": _text(None, 1)}, "name"),
            "project": _object({"key": _text(None, 1)}, "key"),
            "issuetype": _object({"name": _text(None, 1)}, "name"),
        },
        "summary",
        "project",
        "issuetype",
    )
    if sent.path == "/rest/api/2/issue":
        yield from _asked(sent, "POST", "/rest/api/2/issue")
        yield from _against(_object({"fields": fields}, "fields"), sent)
    else:
        yield from _asked(sent, "POST", "/rest/api/2/search")
