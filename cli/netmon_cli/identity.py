"""`netmon proposals` and `netmon identity`: which handles are one device."""

from collections.abc import Sequence
from typing import Literal

from pydantic import AwareDatetime, BaseModel

from netmon_cli.client import Client
from netmon_cli.failure import Exit
from netmon_cli.output import Column, Paper, escape, table, write_json, write_lines

PROPOSALS, IDENTITIES = "/api/v1/proposals", "/api/v1/identities"
_MOST_REASONS = 3


class Proposal(BaseModel):
    number: int
    question: str
    sureness: float
    reasons: list[str]
    opened: AwareDatetime
    state: str


class Proposals(BaseModel):
    results: list[Proposal]


class Source(BaseModel):
    handle: str
    name: str
    serials: list[str]
    base: str
    addresses: list[str]


class Identity(BaseModel):
    record: str
    sources: list[Source]


class Identities(BaseModel):
    results: list[Identity]


class Entry(BaseModel):
    number: int
    time: AwareDatetime
    action: str
    handle: str
    record: str
    reasons: list[str]
    by: str
    undone: AwareDatetime | None


class Entries(BaseModel):
    results: list[Entry]


def show_proposals(client: Client, as_json: bool) -> Exit:
    """What waits for an answer. Raises Failure."""
    answer = client.pages(PROPOSALS)
    if as_json:
        write_json(answer)
        return Exit.FINE
    found = client.understand(answer, Proposals).results
    write_lines(_asked(found) or ["nothing is asked: every device is known for what it is"])
    return Exit.FINE


def decide(client: Client, number: int, verdict: Literal["accept", "reject"], as_json: bool) -> Exit:
    """Answers a proposal. Raises Failure."""
    answer = client.send("POST", f"{PROPOSALS}/{number}/{verdict}")
    proposal = client.understand(answer, Proposal)
    if as_json:
        write_json(answer)
    else:
        write_lines([f"{escape(proposal.question)} {'Yes.' if verdict == 'accept' else 'No.'}"])
    return Exit.FINE


def show(client: Client, handle: str | None, as_json: bool, on: Paper) -> Exit:
    """Devices with all ways to them. Raises Failure."""
    answer = client.pages(IDENTITIES, [("handle", handle)] if handle is not None else [])
    if as_json:
        write_json(answer)
        return Exit.FINE
    columns = [Column(title) for title in ("DEVICE", "KNOWN AS", "NAME", "SERIAL", "MAC", "ADDRESSES")]
    rows = [
        [
            escape(text)
            for text in (device.record, one.handle, one.name, ", ".join(one.serials[:2]), one.base, _few(one))
        ]
        for device in client.understand(answer, Identities).results
        for one in device.sources
    ]
    write_lines(table(columns, rows, on) if rows else ["nobody has said who they are yet"])
    return Exit.FINE


def show_log(client: Client, as_json: bool, on: Paper) -> Exit:
    """What was done. Raises Failure."""
    answer = client.pages(f"{IDENTITIES}/log")
    if as_json:
        write_json(answer)
    else:
        write_lines(_log(client.understand(answer, Entries).results, on))
    return Exit.FINE


def change(client: Client, action: str, body: dict[str, str] | None, as_json: bool) -> Exit:
    """Merges, splits or takes back. Raises Failure."""
    answer = client.send("POST", f"{IDENTITIES}/{action}", body)
    entry = client.understand(answer, Entry)
    if as_json:
        write_json(answer)
    elif entry.action == "merged":
        write_lines(
            [f"{escape(entry.handle)} is {escape(entry.record)}; `netmon identity undo {entry.number}` parts them"]
        )
    else:
        write_lines([f"{escape(entry.handle)} is a device of its own"])
    return Exit.FINE


def _asked(proposals: Sequence[Proposal]) -> list[str]:
    lines = []
    for one in proposals:
        lines.append(f"{one.number}. {escape(one.question)} ({one.sureness:.0%} sure that it is the same)")
        lines += [f"   {escape(reason)}" for reason in one.reasons[:_MOST_REASONS]]
    return [*lines, "", "`netmon proposals accept NUMBER` says yes, `reject NUMBER` no"] if lines else []


def _log(entries: Sequence[Entry], on: Paper) -> list[str]:
    columns = [Column("", right=True), *(Column(title) for title in ("WHEN", "WHAT", "HANDLE", "DEVICE", "BY", "WHY"))]
    rows = [
        [
            str(one.number),
            f"{one.time.astimezone():%Y-%m-%d %H:%M:%S}",
            one.action + (" (undone)" if one.undone else ""),
            escape(one.handle),
            escape(one.record),
            escape(one.by) or "-",
            escape("; ".join(one.reasons[:_MOST_REASONS])),
        ]
        for one in entries
    ]
    return table(columns, rows, on) if rows else ["nothing has happened yet"]


def _few(source: Source) -> str:
    return ", ".join(source.addresses[:2]) + (", …" if len(source.addresses) > 2 else "")
