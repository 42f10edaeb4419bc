"""`netmon store stats`: what a store holds, of a running collector or in a folder."""

import asyncio
from pathlib import Path
from typing import Any

from netmon_cli.answers import StoreDetail
from netmon_cli.client import Client
from netmon_cli.failure import Exit, Failure
from netmon_cli.output import Column, Paper, count, duration, escape, size, table, write_json, write_lines
from netmon_cli.ownership import give
from netmon_cli.store import must_be_store


def of_collector(client: Client, as_json: bool, on: Paper) -> Exit:
    """Asks a collector. Raises Failure."""
    answer = client.get("/api/v1/store")
    return _show(client.understand(answer, StoreDetail), answer, as_json, on)


def of_folder(folder: Path, as_json: bool, on: Paper) -> Exit:
    """Opens a store that nobody uses. What it is told to keep is not known of a folder. Raises Failure."""
    from netmon_api.store import detail
    from netmon_collector.store.base import StoreUnavailable
    from netmon_collector.store.embedded import EmbeddedStore
    from netmon_collector.store.inventory import Inventory

    async def look() -> Inventory:
        store = EmbeddedStore.open(folder)
        try:
            return await store.inventory()
        finally:
            await store.close()
            give(folder, folder)

    must_be_store(folder)
    try:
        answer = detail(asyncio.run(look())).model_dump(mode="json")
    except StoreUnavailable as error:
        raise Failure(Exit.WRONG, str(error), "Leave out the folder to ask the collector that runs.") from error
    return _show(StoreDetail.model_validate(answer), answer, as_json, on)


def _show(found: StoreDetail, answer: Any, as_json: bool, on: Paper) -> Exit:
    if as_json:
        write_json(answer)
        return Exit.FINE
    lines = [f"{count(found.series)} series", "", *_tiers(found, on)] if found.tiers else _queue(found)
    for title, rows in (("METRIC", found.metrics), ("LABEL", found.labels)):
        if rows:
            lines += ["", *_ranking(title, rows, on)]
    write_lines(lines)
    return Exit.FINE


def _tiers(found: StoreDetail, on: Paper) -> list[str]:
    columns = [Column("TIER"), *(Column(title, right=True) for title in ("FILES", "SIZE", "SAMPLES", "BYTES EACH"))]
    columns += [Column("KEPT", right=True), Column("OLDEST"), Column("NEWEST")]
    rows = [
        [
            one.tier,
            count(one.files),
            size(one.bytes),
            count(one.samples),
            "" if one.bytes_per_sample is None else f"{one.bytes_per_sample:.2f}",
            duration(one.kept_s),
            *("" if time is None else f"{time:%Y-%m-%d %H:%M}" for time in (one.oldest, one.newest)),
        ]
        for one in found.tiers
    ]
    rows.append(["log", count(found.log_files), size(found.log_bytes), count(found.log_samples), "", "", "", ""])
    cap = "no cap" if found.cap_bytes is None else f"a cap of {size(found.cap_bytes)}"
    rules = f", {count(found.rules, 'rule', 'rules')} of retention" if found.rules else ""
    damaged = f", {count(found.damaged_files, 'file', 'files')} set aside as damaged" if found.damaged_files else ""
    total = sum(one.bytes for one in found.tiers) + found.log_bytes
    catalog = f"catalogs {size(found.catalog_bytes)}"
    return [*table(columns, rows, on), "", f"{size(total)} in all, {cap}; {catalog}{rules}{damaged}"]


def _queue(found: StoreDetail) -> list[str]:
    return [
        f"{count(found.series)} series went through a queue that has {size(found.queue_bytes)} now",
        f"the server refused {count(found.rejected, 'sample', 'samples')}, and cannot hold {count(found.left_out)}",
    ]


def _ranking(title: str, rows: Any, on: Paper) -> list[str]:
    with_values = title == "LABEL"
    columns = [Column("SERIES", right=True), *([Column("VALUES", right=True)] if with_values else []), Column(title)]
    cells = [
        [count(one.series), *([count(one.values)] if with_values else []), escape(one.name or "(without a name)")]
        for one in rows
    ]
    return table(columns, cells, on)
