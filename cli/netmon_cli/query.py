"""`netmon query`: the latest values of the series that a selector picks."""

import json

from netmon_cli import output
from netmon_cli.answers import SampledSeries, Samples
from netmon_cli.client import Client
from netmon_cli.failure import Exit
from netmon_cli.output import Cell, Column, Paper, escape

STALE_S = 300.0
"""A series without a sample for longer is over, as in Prometheus."""

SPARK_COLUMNS = 16


def show(client: Client, selector: str, since_s: float, limit: int | None, everything: bool, on: Paper) -> Exit:
    """Writes a line per series; `everything` shows those too that have ended."""
    now_s = client.now_s()
    series = client.readings(selector, now_s - since_s, limit).results
    output.write_lines(view(series, now_s, everything, on))
    return Exit.FINE


def show_json(client: Client, selector: str, since_s: float, limit: int | None) -> Exit:
    answer = client.samples(selector, client.now_s() - since_s, limit)
    client.understand(answer, Samples)
    output.write_json(answer)
    return Exit.FINE


def view(series: list[SampledSeries], now_s: float, everything: bool, on: Paper) -> list[str]:
    sampled = [one for one in series if one.samples]
    shown = [one for one in sampled if everything or not is_stale(one, now_s)]
    if not shown:
        return [f"no series; {len(sampled)} ended, see them with --all" if sampled else "no series"]
    columns = [Column("VALUE", right=True), Column("AGE", right=True), Column("SERIES")]
    rows = [_row(one, now_s) for one in shown]
    if on.blocks:
        columns.insert(2, Column("TREND"))
        for row, one in zip(rows, shown, strict=True):
            values = [value for _, value in one.samples if value is not None]
            row.insert(2, Cell(output.sparkline(values, SPARK_COLUMNS), "dim"))
    return output.table(columns, rows, on)


def is_stale(series: SampledSeries, now_s: float) -> bool:
    """Whether a series has ended: by its marker, or by silence."""
    time_s, value = series.samples[-1]
    return value is None or now_s - time_s > STALE_S


def name_of(labels: dict[str, str]) -> str:
    """A series as it is written in a selector, safe to show: up{instance="web1"}"""
    pairs = [
        f"{escape(name)}={json.dumps(escape(value), ensure_ascii=False)}"
        for name, value in sorted(labels.items())
        if name != "__name__"
    ]
    return f"{escape(labels.get('__name__', ''))}{'{' + ','.join(pairs) + '}' if pairs else ''}"


def _row(series: SampledSeries, now_s: float) -> list[Cell | str]:
    time_s, value = series.samples[-1]
    text = "ended" if value is None else output.reading(series.labels.get("__name__", ""), value)
    return [Cell(text, "bold"), output.duration(max(now_s - time_s, 0.0)), name_of(series.labels)]
