"""Keeps a ticket in Jira for each group of alerts.

See developer.atlassian.com/cloud/jira/platform/rest/v2 (issues, transitions) and v3 (search): in the cloud, `search`
gave way to `search/jql` (CHANGE-2046), which tells no fields unless asked, and may not find what was just made.
"""

from hashlib import sha256
from typing import Any, Final, Literal
from urllib.parse import quote

import orjson
from pydantic import Field

from netmon_collector.alerts.channel import Message, NotDelivered
from netmon_collector.alerts.channels.base import ChannelOptions, HttpConfig, Surroundings, WebChannel, cut, needed
from netmon_collector.alerts.channels.http import Http
from netmon_collector.alerts.texts.library import Written, write

LONGEST: Final = {"summary": 255, "description": 32_767}
LONGEST_LABEL: Final = 255
"""Characters, none of them white."""


class JiraOptions(ChannelOptions):
    """`api_url` ends with `/rest/api/2` or `/rest/api/3`. A ticket that is there is brought up to date;
    `resolve_transition` is what closes it, `reopen_transition` what opens it again."""

    api_url: str | None = None
    api_type: Literal["auto", "cloud", "datacenter"] = "auto"
    project: str = Field(min_length=1)
    issue_type: str = Field(min_length=1)
    summary: str = '{{ template "jira.default.summary" . }}'
    description: str = '{{ template "jira.default.description" . }}'
    priority: str = '{{ template "jira.default.priority" . }}'
    labels: tuple[str, ...] = ()
    resolve_transition: str | None = None
    reopen_transition: str | None = None
    fields: dict[str, Any] = Field(default_factory=dict)
    http_config: HttpConfig = Field(default_factory=HttpConfig)

    def open(self, surroundings: Surroundings) -> "Jira":
        url = needed(self.api_url or surroundings.defaults.jira_api_url, "api_url", "jira_api_url").rstrip("/")
        url = url.removesuffix("/rest/api/3") + "/rest/api/2" if url.endswith("/rest/api/3") else url
        names = ("project", "issue_type", "summary", "description", "priority")
        texts = {name: surroundings.texts.text(getattr(self, name), name) for name in names}
        texts |= {f"label{at}": surroundings.texts.text(one, "labels") for at, one in enumerate(self.labels)}
        return Jira(surroundings.http, url, self, texts)


class Jira(WebChannel):
    """See channel.Channel. The reference is the ticket's key; where it is not known, a label of the ticket tells."""

    def __init__(self, http: Http, url: str, options: JiraOptions, texts: dict[str, Written]) -> None:
        super().__init__(http)
        self._url = url
        self._options = options
        self._headers = options.http_config.headers()
        self._texts = texts

    async def send(self, message: Message) -> str:
        news = message.notification
        mark = f"netmon-{sha256(news.group_key.encode(errors='surrogateescape')).hexdigest()[:40]}"
        texts = await write(message, **self._texts)
        ticket, is_done = await self._find(mark)
        if not news.firing:
            if ticket and not is_done:
                await self._ask("PUT", f"/issue/{ticket}", {"fields": self._fields(texts, mark)})
                await self._move(ticket, self._options.resolve_transition)
            return ticket
        if ticket and is_done:
            await self._move(ticket, self._options.reopen_transition)
        if ticket:
            await self._ask("PUT", f"/issue/{ticket}", {"fields": self._fields(texts, mark)})
            return ticket
        fixed = {"project": {"key": texts["project"]}, "issuetype": {"name": texts["issue_type"]}}
        made = await self._ask("POST", "/issue", {"fields": {**self._fields(texts, mark), **fixed}})
        return str(made.get("key", ""))

    def _fields(self, texts: dict[str, str], mark: str) -> dict[str, Any]:
        labels = ("_".join(text.split()) for name, text in texts.items() if name.startswith("label"))
        fields: dict[str, Any] = {name: cut(texts[name].strip(), most) for name, most in LONGEST.items()}
        fields["summary"] = " ".join(fields["summary"].split()) or "alert"
        fields["labels"] = [mark, *(cut(label, LONGEST_LABEL) for label in labels if label)]
        if texts["priority"].strip():
            fields["priority"] = {"name": texts["priority"].strip()}
        return fields | self._options.fields

    async def _find(self, mark: str) -> tuple[str, bool]:
        """The newest ticket of a group that is open, or can be opened again; and whether it is closed."""
        wanted = "" if self._options.reopen_transition else " and statusCategory != Done"
        query = {
            "jql": f'labels = "{mark}"{wanted} order by statusCategory asc, created desc',
            "maxResults": 1,
            "fields": ["status"],
        }
        is_cloud = self._options.api_type == "cloud"
        if self._options.api_type == "auto":
            is_cloud = ".atlassian.net/" in self._url
        place = "/search"
        base = self._url
        if is_cloud:
            base, place = self._url.removesuffix("/2") + "/3", "/search/jql"
        found = (await self._ask("POST", place, query, base)).get("issues") or []
        if not found:
            return "", False
        status = found[0].get("fields", {}).get("status", {}).get("statusCategory", {}).get("key", "")
        return quote(str(found[0].get("key", "")), safe=""), status == "done"

    async def _move(self, ticket: str, transition: str | None) -> None:
        if transition is None:
            return
        known = (await self._ask("GET", f"/issue/{ticket}/transitions", None)).get("transitions") or []
        ids = [one.get("id") for one in known if one.get("name") == transition]
        if not ids:
            raise NotDelivered(f"ticket {ticket} has no transition '{cut(transition, 100)}'", permanent=True)
        await self._ask("POST", f"/issue/{ticket}/transitions", {"transition": {"id": ids[0]}})

    async def _ask(self, method: str, place: str, body: object, base: str | None = None) -> dict[str, Any]:
        answer = await self._http.deliver(method, (base or self._url) + place, headers=self._headers, json=body)
        try:
            told = orjson.loads(answer.body) if answer.body else {}
        except orjson.JSONDecodeError:
            raise NotDelivered("Jira's answer is no JSON") from None
        return told if isinstance(told, dict) else {}
