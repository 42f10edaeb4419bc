"""Structured logs on the standard library: an event's name and its fields, as text for people or as JSON.

A logging library would cost the agent more memory than its metrics do.
"""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any, Literal

from netmon_configs.options import Options

Level = Literal["debug", "info", "warning", "error"]


class LogOptions(Options):
    """How much is logged, and for whom."""

    level: Level = "info"
    format: Literal["text", "json"] = "text"


class EventLog:
    """Logs events: `log.warning("input.broken", input="host", error="…")`."""

    def __init__(self, name: str) -> None:
        self._logger = logging.getLogger(name)

    def debug(self, event: str, **fields: Any) -> None:
        self._log(logging.DEBUG, event, fields)

    def info(self, event: str, **fields: Any) -> None:
        self._log(logging.INFO, event, fields)

    def warning(self, event: str, **fields: Any) -> None:
        self._log(logging.WARNING, event, fields)

    def error(self, event: str, **fields: Any) -> None:
        self._log(logging.ERROR, event, fields)

    def _log(self, level: int, event: str, fields: dict[str, Any]) -> None:
        if self._logger.isEnabledFor(level):
            self._logger.log(level, event, extra={"fields": fields})


class TextFormatter(logging.Formatter):
    """`2026-01-31T12:00:00Z warning input.broken input=host error="no such file"`"""

    def format(self, record: logging.LogRecord) -> str:
        time = datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        fields = "".join(f" {name}={_quoted(value)}" for name, value in _fields(self, record).items())
        return f"{time} {record.levelname.lower()} {_one_line(record.getMessage())}{fields}"


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, event, and the event's fields."""

    def format(self, record: logging.LogRecord) -> str:
        head = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
        }
        return json.dumps(head | _fields(self, record), default=str, ensure_ascii=False)


def set_up(options: LogOptions) -> None:
    """Sends netmon's log to standard error, and of the libraries what they warn of."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if options.format == "json" else TextFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("netmon").setLevel(options.level.upper())


def _fields(formatter: logging.Formatter, record: logging.LogRecord) -> dict[str, Any]:
    fields = dict(getattr(record, "fields", {}))
    if record.exc_info:
        fields["traceback"] = formatter.formatException(record.exc_info)
    return fields


def _quoted(value: Any) -> str:
    text = str(value)
    plain = text and not any(character in ' "=\\' or not character.isprintable() for character in text)
    return text if plain else json.dumps(text, ensure_ascii=True)


def _one_line(text: str) -> str:
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)
