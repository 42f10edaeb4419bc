"""`netmon alerts`, `netmon silence` and `netmon maintenance`: talks to the collector about alerts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from netmon_cli import output
from netmon_cli.client import Client
from netmon_cli.failure import Exit, Failure
from netmon_cli.output import Cell, Colour, Column, Paper, age, duration, escape, table
from netmon_cli.user import user_name
from netmon_proto.names import label_text

_V2 = "/alertmanager/api/v2"
_WINDOWS = "/api/v1/maintenance"
_COLOURS: dict[str, Colour] = {"critical": "red", "warning": "yellow", "active": "green", "pending": "yellow"}


def show(client: Client, matchers: Sequence[str], muted: bool, as_json: bool, on: Paper) -> Exit:
    """The alerts that fire, the longest first."""
    found: list[dict[str, Any]] = client.get(f"{_V2}/alerts", [("filter", one) for one in matchers])
    told = [one for one in found if not _muted(one["status"])]
    shown = sorted(found if muted else told, key=lambda one: (one["startsAt"], one["fingerprint"]))
    code = Exit.WRONG if told else Exit.FINE
    if as_json:
        output.write_json(shown)
        return code
    now_s = client.now_s()
    rows = [_row(one, now_s, muted) for one in shown]
    columns = [Column("SEVERITY"), Column("ALERT", widest=70), Column("SINCE")]
    columns += [Column("NOT TOLD BECAUSE OF", widest=40)] if muted else []
    hidden = len(found) - len(shown)
    lines = table(columns, rows, on) if rows else ["no alerts"]
    if hidden:
        lines.append(f"{output.count(hidden, 'alert')} that nobody is told of: netmon alerts --muted")
    output.write_lines(lines)
    return code


def add_silence(
    client: Client, matchers: Sequence[str], for_s: float, author: str | None, comment: str, as_json: bool
) -> Exit:
    now_s = client.now_s()
    body = {
        "matchers": [_matcher(text) for text in matchers],
        "startsAt": _stamp(now_s),
        "endsAt": _stamp(now_s + for_s),
        "createdBy": author or user_name(),
        "comment": comment or "from the command line",
    }
    answer = client.send("POST", f"{_V2}/silences", body)
    if as_json:
        output.write_json(answer)
    else:
        output.write_lines([str(answer["silenceID"])])
    return Exit.FINE


def list_silences(client: Client, all_: bool, as_json: bool, on: Paper) -> Exit:
    found = client.get(f"{_V2}/silences")
    shown = [one for one in found if all_ or one["status"]["state"] != "expired"]
    if as_json:
        output.write_json(shown)
        return Exit.FINE
    columns = [
        Column("ID"),
        Column("STATE"),
        Column("UNTIL"),
        Column("BY"),
        Column("MATCHERS", widest=60),
        Column("WHY"),
    ]
    rows: list[list[Cell | str]] = [
        [
            escape(one["id"]),
            Cell(one["status"]["state"], _COLOURS.get(one["status"]["state"])),
            _local(one["endsAt"]),
            escape(one["createdBy"]),
            escape(" ".join(_written(matcher) for matcher in one["matchers"])),
            escape(one["comment"]),
        ]
        for one in shown
    ]
    output.write_lines(table(columns, rows, on) if rows else ["no silences"])
    return Exit.FINE


def end_silence(client: Client, silence: str, as_json: bool) -> Exit:
    path = f"{_V2}/silence/{quote(silence, safe='')}"
    client.send("DELETE", path)
    if as_json:
        output.write_json(client.get(path))
    else:
        output.write_lines([f"ended {silence}"])
    return Exit.FINE


@dataclass(frozen=True)
class Plan:
    """A window of maintenance as somebody asked for it."""

    name: str
    matchers: Sequence[str]
    start: str
    for_s: float
    zone: str
    repeats: str
    author: str | None
    comment: str


def add_window(client: Client, plan: Plan, as_json: bool) -> Exit:
    body = {
        "name": plan.name,
        "matchers": list(plan.matchers),
        "starts_at": _now_in(plan.zone, client.now_s()) if plan.start == "now" else plan.start,
        "duration": plan.for_s,
        "zone": plan.zone,
        "repeats": plan.repeats,
        "created_by": plan.author or user_name(),
        "comment": plan.comment,
    }
    answer = client.send("POST", _WINDOWS, body)
    if as_json:
        output.write_json(answer)
    else:
        output.write_lines([str(answer["id"])])
    return Exit.FINE


def list_windows(client: Client, as_json: bool, on: Paper) -> Exit:
    answer = client.pages(_WINDOWS)
    if as_json:
        output.write_json(answer)
        return Exit.FINE
    columns = [
        Column("ID"),
        Column("NAME", widest=30),
        Column("STATE"),
        Column("BEGINS"),
        Column("FOR"),
        Column("ZONE"),
        Column("REPEATS"),
        Column("MATCHERS", widest=50),
    ]
    rows: list[list[Cell | str]] = [
        [
            escape(one["id"]),
            escape(one["name"]),
            _state(one),
            _local(one["next"], ZoneInfo(one["zone"])) if one["next"] else "-",
            duration(one["duration_s"]),
            escape(one["zone"]),
            escape(one["repeats"] or "once"),
            escape(" ".join(one["matchers"])),
        ]
        for one in answer["results"]
    ]
    output.write_lines(table(columns, rows, on) if rows else ["no maintenance is planned"])
    return Exit.FINE


def end_window(client: Client, window: str, as_json: bool) -> Exit:
    answer = client.send("DELETE", f"{_WINDOWS}/{quote(window, safe='')}")
    if as_json:
        output.write_json(answer)
    else:
        output.write_lines([f"ended {window}"])
    return Exit.FINE


def _row(alert: Mapping[str, Any], now_s: float, muted: bool) -> list[Cell | str]:
    cells: list[Cell | str] = [_severity(alert), _title(alert), age(now_s - _time_s(alert["startsAt"]))]
    return [*cells, _why(alert["status"])] if muted else cells


def _muted(status: Mapping[str, Any]) -> bool:
    return bool(status["silencedBy"] or status["inhibitedBy"] or status["mutedBy"])


def _why(status: Mapping[str, Any]) -> str:
    reasons = {"silence": status["silencedBy"], "alert": status["inhibitedBy"], "time": status["mutedBy"]}
    return escape(", ".join(f"{kind} {name}" for kind, names in reasons.items() for name in names))


def _severity(alert: Mapping[str, Any]) -> Cell:
    severity = alert["labels"].get("severity", "-")
    return Cell(escape(severity), _COLOURS.get(severity))


def _title(alert: Mapping[str, Any]) -> str:
    labels = alert["labels"]
    said = alert["annotations"].get("summary")
    rest = " ".join(f"{name}={value}" for name, value in labels.items() if name not in ("alertname", "severity"))
    return escape(f"{labels.get('alertname', '-')}: {said or rest or '-'}")


def _state(window: Mapping[str, Any]) -> Cell:
    state = "active" if window["holds"] else "over" if window["next"] is None else "pending"
    return Cell(state, _COLOURS.get(state))


def _matcher(text: str) -> dict[str, Any]:
    from netmon_collector.alerts.matching import NoMatcher, parse_matcher

    try:
        matcher = parse_matcher(text)
    except NoMatcher as error:
        raise Failure(Exit.USAGE, str(error)) from None
    return {
        "name": matcher.name,
        "value": matcher.value,
        "isRegex": matcher.op in ("=~", "!~"),
        "isEqual": matcher.op in ("=", "=~"),
    }


def _written(matcher: Mapping[str, Any]) -> str:
    op = ("=~" if matcher["isEqual"] else "!~") if matcher["isRegex"] else ("=" if matcher["isEqual"] else "!=")
    return f'{label_text(matcher["name"])}{op}"{matcher["value"]}"'


def _now_in(zone: str, now_s: float) -> str:
    try:
        there = datetime.fromtimestamp(now_s, ZoneInfo(zone))
    except (KeyError, ValueError, OSError):
        raise Failure(Exit.USAGE, f"{zone!r} is no time zone of the IANA's, such as Europe/Berlin") from None
    return there.replace(tzinfo=None, microsecond=0).isoformat()


def _stamp(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).isoformat(timespec="milliseconds")


def _time_s(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _local(text: str, zone: ZoneInfo | None = None) -> str:
    """As clocks show it there, or here."""
    return f"{datetime.fromisoformat(text).astimezone(zone):%Y-%m-%d %H:%M}"
