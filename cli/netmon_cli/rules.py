"""`netmon rules list`, `explain` and `backtest`: what the collector knows of its rules."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from netmon_cli import output
from netmon_cli.client import Client
from netmon_cli.failure import Exit, Failure
from netmon_cli.output import Cell, Colour, Column, Paper, count, duration, escape, number, table
from netmon_configs.load import read

_COLOURS: dict[str, Colour] = {"firing": "red", "pending": "yellow", "err": "red"}
_SHOWN = 10


def show_all(client: Client, state: str | None, as_json: bool, on: Paper) -> Exit:
    """The rules of all files."""
    answer = client.pages("/api/v1/rules")
    if state is not None:
        answer["results"] = [one for one in answer["results"] if one["state"] == state]
        answer["count"] = len(answer["results"])
    files = client.get("/api/v1/rule-files")
    if as_json:
        output.write_json(answer | {"mistakes": files["mistakes"]})
        return Exit.FINE
    rows: list[list[Cell | str]] = [
        [
            escape(one["name"]),
            _state(one),
            str(one["alerts"]),
            duration(one["interval_s"]),
            escape(one["group"]),
            escape(one["file"]),
        ]
        for one in answer["results"]
    ]
    columns = [
        Column("RULE"),
        Column("STATE"),
        Column("ALERTS", right=True),
        Column("EVERY"),
        Column("GROUP"),
        Column("FILE"),
    ]
    lines = table(columns, rows, on) if rows else ["no rules"]
    output.write_lines(lines + [escape(_mistake(one)) for one in files["mistakes"]])
    return Exit.FINE


def explain(client: Client, name: str, as_json: bool, on: Paper) -> Exit:
    """Why a rule fires or does not."""
    rule = client.get(f"/api/v1/rules/{_id(client, name)}")
    if as_json:
        output.write_json(rule)
        return Exit.FINE
    facts = [
        ("rule", f"{rule['name']}, {rule['file']} line {rule['line']}, group {rule['group']}"),
        ("asks", rule["expr"]),
        ("state", _condition(rule)),
        ("for", duration(rule["for_s"]) if rule["for_s"] else "fires at once"),
        ("every", duration(rule["interval_s"])),
        ("error", rule["last_error"] or ""),
        *((f"{key}", text) for key, text in rule["annotations"].items() if key == "runbook"),
    ]
    lines = [f"{title:<8} {escape(' '.join(text.split()))}" for title, text in facts if text]
    lines += _alerts(rule["active"], on)
    lines += ["", on.paint("last evaluations", "bold"), *_evaluations(rule["evaluations"], on)]
    output.write_lines(lines)
    return Exit.FINE


def backtest(
    client: Client, name: str, since_s: float, step_s: float | None, file: Path | None, as_json: bool, on: Paper
) -> Exit:
    """What an alert would have done."""
    body: dict[str, Any] = {"since": since_s}
    if step_s is not None:
        body["step"] = step_s
    body |= {"id": _id(client, name)} if file is None else {"text": read(file), "name": name}
    told = client.send("POST", "/api/v1/rules-backtest", body, timeout_s=150)
    if as_json:
        output.write_json(told)
        return Exit.FINE
    start, end = _moment(told["start"]), _moment(told["end"])
    length = duration((end - start).total_seconds())
    when = f"{start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC, every {duration(told['step_s'])}"
    lines = [f"{escape(told['name'])} would have fired {_times(told['fired'])} in {length} ({when})"]
    if told["fired"]:
        lines.append(
            f"{count(told['alerts'], 'alert', 'alerts')}, firing for {duration(told['fired_s'])} in all, "
            f"{duration(told['longest_s'])} at the longest"
        )
    if told["pended"]:
        lines.append(f"pending {_times(told['pended'])} without firing")
    rows = [
        [
            f"{_moment(one['fired_at']):%Y-%m-%d %H:%M:%S}",
            _length(one, end),
            number_of(one["value"]),
            _labels(one["labels"]),
        ]
        for one in told["episodes"][-_SHOWN:]
    ]
    if rows:
        lines += ["", *table([Column("FIRED"), Column("FOR"), Column("VALUE", right=True), Column("LABELS")], rows, on)]
    if told["fired"] > _SHOWN:
        lines.append(f"the last {_SHOWN} are shown; --json has more")
    output.write_lines(lines)
    return Exit.FINE


def _id(client: Client, name: str) -> str:
    """The id of a rule by its name. Raises Failure."""
    found = client.get("/api/v1/rules", [("name", name), ("page_size", "100")])["results"]
    if not found:
        return quote(name, safe="")
    if len(found) > 1:
        places = "\n".join(f"{one['id']}  {one['file']} line {one['line']}, group {one['group']}" for one in found)
        raise Failure(Exit.USAGE, f"{name}: there is more than one; name one by its id:", escape_lines(places))
    return str(found[0]["id"])


def escape_lines(text: str) -> str:
    return "\n".join(escape(line) for line in text.splitlines())


def _state(rule: Mapping[str, Any]) -> Cell:
    if rule["health"] == "err":
        return Cell("fails", "red")
    text = rule["state"] or "records"
    return Cell(text, _COLOURS.get(text))


def _condition(rule: Mapping[str, Any]) -> str:
    if rule["health"] == "unknown":
        return "not evaluated yet"
    if rule["state"] is None:
        return "records"
    return f"{rule['state']}, {count(rule['alerts'], 'alert', 'alerts')}"


def _alerts(alerts: Sequence[Mapping[str, Any]], on: Paper) -> list[str]:
    lines = []
    for one in alerts[:_SHOWN]:
        since = _moment(one["fired_at"] or one["active_at"])
        state = on.paint(one["state"], _COLOURS.get(one["state"]))
        lines += ["", f"{state} since {since:%Y-%m-%d %H:%M:%S} UTC, value {number_of(one['value'])}"]
        lines.append(f"  {_labels(one['labels'])}")
        lines += [f"  {escape(text)}" for text in one["annotations"].values()]
    if len(alerts) > _SHOWN:
        lines.append(f"and {len(alerts) - _SHOWN} more")
    return lines


def _evaluations(evaluations: Sequence[Mapping[str, Any]], on: Paper) -> list[str]:
    rows = [
        [
            f"{_moment(one['time']):%H:%M:%S}",
            f"{one['duration_s'] * 1000:.1f} ms",
            str(one["results"]),
            escape(one["error"] or ""),
        ]
        for one in evaluations[-_SHOWN:]
    ]
    return table([Column("AT"), Column("TOOK", right=True), Column("RESULTS", right=True), Column("ERROR")], rows, on)


def _labels(labels: Mapping[str, str]) -> str:
    return escape(", ".join(f"{name}={value}" for name, value in labels.items()))


def _length(episode: Mapping[str, Any], end: datetime) -> str:
    resolved = episode["resolved_at"]
    length = (end if resolved is None else _moment(resolved)) - _moment(episode["fired_at"])
    return duration(length.total_seconds()) + (" and still" if resolved is None else "")


def _times(number_of_times: int) -> str:
    return {0: "never", 1: "once", 2: "twice"}.get(number_of_times, f"{number_of_times:,} times")


def number_of(value: object) -> str:
    return number(value) if isinstance(value, int | float) else str(value)


def _mistake(mistake: Mapping[str, Any]) -> str:
    where = mistake["file"] + (f":{mistake['line']}" if mistake["line"] else "")
    return ": ".join(part for part in (where, mistake["place"], mistake["text"]) if part)


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
