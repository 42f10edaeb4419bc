"""`netmon why`: asks the collector for the probable causes of an incident, and what it hits."""

from collections.abc import Sequence

from pydantic import BaseModel

from netmon_cli.client import Client
from netmon_cli.failure import Exit
from netmon_cli.output import Cell, Column, Paper, count, escape, table, write_json, write_lines

MOST_NAMED = 8
LEAST_TOLD = 0.02
"""Causes of a smaller score are not printed, but for the first."""


class Piece(BaseModel):
    text: str
    worth: float


class Cause(BaseModel):
    title: str
    score: float
    beside: int
    evidence: list[Piece]


class Causes(BaseModel):
    number: int
    signs: int
    causes: list[Cause]


class Overload(BaseModel):
    link: str
    use: float


class Impact(BaseModel):
    priority: float
    devices: list[str]
    services: list[str]
    needing: list[str]
    sites: list[str]
    overloaded: list[Overload]
    filling: list[Overload]
    unwatched: list[str]


def show_why(client: Client, number: int, as_json: bool, on: Paper) -> Exit:
    """Raises Failure."""
    path = f"/api/v1/incidents/{number}"
    causes, impact = client.get(f"{path}/causes"), client.get(f"{path}/impact")
    if as_json:
        write_json({"causes": causes, "impact": impact})
        return Exit.FINE
    found = client.understand(causes, Causes)
    write_lines([*_causes(found, on), "", *_impact(client.understand(impact, Impact))])
    return Exit.FINE


def _causes(found: Causes, on: Paper) -> Sequence[str]:
    if not found.causes:
        return ["no cause is known: nothing that went wrong is on the map"]
    rows: list[list[Cell | str]] = []
    for one in (found.causes[0], *(one for one in found.causes[1:] if one.score >= LEAST_TOLD)):
        also = " (at the same time)" if one.beside else ""
        rows.append([Cell(f"{one.score:.0%}", "bold"), Cell(escape(one.title) + also, "bold"), ""])
        rows += [["", escape(piece.text), f"{piece.worth:+.1f}"] for piece in one.evidence]
    return table([Column("SURE", right=True), Column("WHY", widest=90), Column("WORTH", right=True)], rows, on)


def _impact(found: Impact) -> Sequence[str]:
    hits = [
        ("cut off or slow", found.devices, "device"),
        ("missing a service", found.needing, "device"),
        ("failing for some", found.services, "service"),
        ("hit as a whole", found.sites, "site"),
        ("watched by nobody", found.unwatched, "device"),
        ("overloaded", [f"{one.link} ({one.use:.0%})" for one in found.overloaded], "link"),
        ("overloaded within four hours", [f"{one.link} ({one.use:.0%})" for one in found.filling], "link"),
    ]
    lines = [f"{count(len(ones), what, what + 's')} {state}: {_named(ones)}" for state, ones, what in hits if ones]
    return [f"priority {found.priority:.0f} of 100", *(lines or ["nothing else is known to be hit"])]


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(escape(one) for one in names[:MOST_NAMED]) + more
