"""Templates by name, ours and those of people's files, and the texts of channels that are made of them."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from glob import glob
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Final

from netmon_collector.alerts.channel import Message
from netmon_collector.alerts.texts.data import Struct, data_of
from netmon_collector.alerts.texts.functions import NOTIFICATION_FUNCTIONS
from netmon_collector.rules.template.evaluate import Manner, fill
from netmon_collector.rules.template.nodes import Body, Template, TemplateError
from netmon_collector.rules.template.parser import parse_template
from netmon_configs.load import ConfigError, Mistake, read
from netmon_configs.wording import did_you_mean

PLAIN: Final = Manner(NOTIFICATION_FUNCTIONS, most_steps=200_000, most_characters=256 << 10, most_handled=64 << 20)
HTML: Final = replace(PLAIN, html=True)
MOST_FILES: Final = 200


@dataclass(frozen=True, slots=True)
class Written:
    """A text of a channel that can be filled in for any message."""

    template: Template
    manner: Manner
    name: str

    def fill(self, data: Struct, at_ms: int) -> str:
        """The text. A mistake that only shows now keeps nobody from being told: the alerts' names come in its place,
        and the mistake with them."""
        try:
            filled = fill(self.template, data, lambda _: [], at_ms, self.manner)
            return filled.encode(errors="replace").decode()  # devices may send what no receiver could read
        except TemplateError as error:
            text = f"{_in_short(data)} (the template '{self.name}' fails: {error})"
            return escape(text) if self.manner.html else text


async def write(message: Message, /, **texts: Written) -> dict[str, str]:
    """Texts filled in for a message. It may be about thousands of alerts, so this is done beside the event loop."""
    return await asyncio.to_thread(write_now, message, texts)


def write_now(message: Message, texts: Mapping[str, Written]) -> dict[str, str]:
    """The same, here and now."""
    data = data_of(message)
    return {name: text.fill(data, message.notification.at_ms) for name, text in texts.items()}


class Library:
    """Templates by name."""

    def __init__(self, defined: Mapping[str, Body]) -> None:
        self.defined = defined

    def text(self, source: str, name: str, *, html: bool = False) -> Written:
        """A text of a channel; `name` is its option. Raises ConfigError."""
        try:
            template = _parsed(source)
            self._check_includes(template)
        except TemplateError as error:
            raise ConfigError([Mistake("alerting", 0, name, f"is no template: {error}")]) from None
        whole = replace(template, defined={**self.defined, **template.defined})
        return Written(whole, HTML if html else PLAIN, name)

    def _check_includes(self, template: Template) -> None:
        known = {*self.defined, *template.defined}
        for name in sorted(template.includes - known):
            raise TemplateError(f"template {name!r} not defined{did_you_mean(name, sorted(known))}")


class Recorder(Library):
    """A library that remembers which texts it was asked for: those of one channel, by their options."""

    def __init__(self, defined: Mapping[str, Body]) -> None:
        super().__init__(defined)
        self.made: dict[str, Written] = {}

    def text(self, source: str, name: str, *, html: bool = False) -> Written:
        written = super().text(source, name, html=html)
        self.made[name] = written
        return written


@lru_cache(1)
def shipped() -> Mapping[str, Body]:
    """The templates that come along."""
    return _parsed((files(__package__) / "default.tmpl").read_text(encoding="utf-8")).defined


def read_library(patterns: Sequence[str], folder: Path) -> Library:
    """What comes along and what the files define that match the patterns, which may define it anew. Relative patterns
    are below the folder. Raises ConfigError."""
    defined, mistakes = dict(shipped()), []
    templates: list[tuple[Path, Template]] = []
    for path in _found(patterns, folder):
        try:
            templates.append((path, _parsed(read(path))))
        except TemplateError as error:
            mistakes.append(Mistake(str(path), 0, "", str(error)))
        else:
            defined.update(templates[-1][1].defined)
    library = Library(defined)
    for path, template in templates:
        try:
            library._check_includes(template)
        except TemplateError as error:
            mistakes.append(Mistake(str(path), 0, "", str(error)))
    if mistakes:
        raise ConfigError(mistakes)
    return library


def _found(patterns: Sequence[str], folder: Path) -> list[Path]:
    found = [Path(name) for pattern in patterns for name in sorted(glob(str(folder / pattern)))]  # noqa: PTH207
    if len(found) > MOST_FILES:
        raise ConfigError([Mistake("alerting", 0, "templates", f"more than {MOST_FILES} files match")])
    return found


def _parsed(source: str) -> Template:
    return parse_template(source, NOTIFICATION_FUNCTIONS, ("$",))


def _in_short(data: Struct) -> str:
    names = sorted({alert.fields["Labels"].get("alertname", "") for alert in data.fields["Alerts"]})
    return f"[{data.fields['Status'].upper()}] {', '.join(names)}"
