"""Tells people in Slack: through an incoming webhook, or as an app, which can keep a group in one thread.

See docs.slack.dev/reference/methods/chat.postMessage (arguments, errors, threads),
docs.slack.dev/apis/web-api/rate-limits (429 with Retry-After), and for the errors of webhooks
api.slack.com/changelog/2016-05-17-changes-to-errors-for-incoming-webhooks (only 5xx passes).
"""

from typing import Any, Final

import orjson
from pydantic import Field, model_validator

from netmon_collector.alerts.channel import Message, NotDelivered
from netmon_collector.alerts.channels.base import ChannelOptions, Surroundings, WebChannel, cut, secret_of, web_url
from netmon_collector.alerts.channels.http import Answer, Http
from netmon_collector.alerts.texts.library import Written, write
from netmon_configs.options import FilePath
from netmon_configs.secrets import Secret

LONGEST: Final = {"title": 1024, "text": 8000, "pretext": 3000, "fallback": 3000, "footer": 300}
"""Characters; Slack itself bounds the footer, and a message as a whole."""
PASSES: Final = frozenset(
    {
        "ratelimited",
        "rate_limited",
        "fatal_error",
        "internal_error",
        "service_unavailable",
        "request_timeout",
        "org_login_required",
        "team_added_to_org",
    }
)
"""Errors of the Web API that say "later"; the last two while a workspace moves into an enterprise."""
THREAD_ERRORS: Final = frozenset({"cannot_reply_to_message", "restricted_action_thread_locked", "thread_not_found"})
"""Errors of the thread: beside it the message can be sent, and begins another."""


class SlackOptions(ChannelOptions):
    """`api_url` is an incoming webhook; with `app_token` messages come from an app, and the news of a group are answers
    to its first message."""

    api_url: Secret | None = None
    api_url_file: FilePath | None = None
    app_token: Secret | None = None
    app_token_file: FilePath | None = None
    app_url: str | None = None
    channel: str = ""
    username: str = '{{ template "slack.default.username" . }}'
    color: str = '{{ if eq .Status "firing" }}danger{{ else }}good{{ end }}'
    title: str = '{{ template "slack.default.title" . }}'
    title_link: str = '{{ template "slack.default.titlelink" . }}'
    pretext: str = '{{ template "slack.default.pretext" . }}'
    text: str = '{{ template "slack.default.text" . }}'
    fallback: str = '{{ template "slack.default.fallback" . }}'
    footer: str = '{{ template "slack.default.footer" . }}'
    icon_emoji: str = ""
    icon_url: str = ""
    link_names: bool = False
    mrkdwn_in: tuple[str, ...] = Field(default=("fallback", "pretext", "text"))

    @model_validator(mode="after")
    def _an_app_has_a_channel(self) -> "SlackOptions":
        if (self.app_token or self.app_token_file) and not self.channel:
            raise ValueError("needs 'channel', for an app may be in many")
        return self

    def open(self, surroundings: Surroundings) -> "Slack":
        defaults = surroundings.defaults
        names = "channel username color title title_link pretext text fallback footer icon_emoji icon_url".split()
        texts = {name: surroundings.texts.text(getattr(self, name), name, html=True) for name in names}
        fixed = {"link_names": self.link_names, "mrkdwn_in": self.mrkdwn_in}
        token = secret_of((self.app_token, self.app_token_file))
        hook = secret_of((self.api_url, self.api_url_file))
        if token is None and hook is None:
            token = secret_of((defaults.slack_app_token, defaults.slack_app_token_file))
            hook = secret_of((defaults.slack_api_url, defaults.slack_api_url_file))
        url = (self.app_url or defaults.slack_app_url) if token else web_url(hook, "api_url", "slack_api_url")
        return Slack(surroundings.http, url, token, texts, fixed)


class Slack(WebChannel):
    """See channel.Channel. The reference is the time stamp of the first message, by which Slack knows it."""

    def __init__(
        self, http: Http, url: str, token: str | None, texts: dict[str, Written], fixed: dict[str, Any]
    ) -> None:
        super().__init__(http)
        self._url = url
        self._token = token
        self._texts = texts
        self._fixed = fixed

    async def send(self, message: Message) -> str:
        texts = {name: _unquoted(text) for name, text in (await write(message, **self._texts)).items()}
        attachment = {name: texts[name] for name in ("color", "title_link")}
        attachment |= {name: cut(texts[name], most) for name, most in LONGEST.items()}
        body: dict[str, Any] = {name: texts[name] for name in ("channel", "username", "icon_emoji", "icon_url")}
        body = {name: text for name, text in body.items() if text}
        body["link_names"] = self._fixed["link_names"]
        body["attachments"] = [{**attachment, "mrkdwn_in": self._fixed["mrkdwn_in"]}]
        if message.reference and self._token:
            body["thread_ts"] = message.reference
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        answer = await self._http.deliver("POST", self._url, headers=headers, json=body)
        if not self._token:
            return ""
        if "thread_ts" in body and _error_of(answer) in THREAD_ERRORS:
            del body["thread_ts"]
            return _stamp_of(await self._http.deliver("POST", self._url, headers=headers, json=body))
        stamp = _stamp_of(answer)
        return message.reference or stamp


def _stamp_of(answer: Answer) -> str:
    """Which message it was. Raises NotDelivered."""
    if error := _error_of(answer):
        raise NotDelivered(f"Slack refuses: {cut(error, 200)}", permanent=error not in PASSES)
    return str(_told(answer).get("ts", ""))


def _error_of(answer: Answer) -> str:
    """What the Web API has against a message, of which its status says nothing; "" where it took it."""
    told = _told(answer)
    return "" if told.get("ok") is True else str(told.get("error", "no reason"))


def _told(answer: Answer) -> dict[str, Any]:
    try:
        told = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        raise NotDelivered("Slack's answer is no JSON") from None
    return told if isinstance(told, dict) else {}


def _unquoted(text: str) -> str:
    """Slack asks for `&`, `<` and `>` to be escaped, which keeps devices from calling everybody, and for no more."""
    return text.replace("&#x27;", "'").replace("&quot;", '"')
