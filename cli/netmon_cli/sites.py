"""`netmon site`: places with addresses of their own."""

from collections.abc import Sequence
from urllib.parse import quote

from pydantic import BaseModel

from netmon_cli.client import Client
from netmon_cli.failure import Exit
from netmon_cli.output import Cell, Column, Paper, count, escape, table, write_json, write_lines

SITES = "/api/v1/sites"


class SiteSeen(BaseModel):
    """One of GET /api/v1/sites"""

    name: str
    networks: list[str]
    agents: list[str]
    fixed: bool
    devices: int


class SitesSeen(BaseModel):
    results: list[SiteSeen]


def show(client: Client, as_json: bool, on: Paper) -> Exit:
    """A line per site. Raises Failure."""
    answer = client.pages(SITES)
    if as_json:
        write_json(answer)
        return Exit.FINE
    rows: list[list[Cell | str]] = [
        [
            escape(one.name),
            ", ".join(one.networks) or "all",
            escape(", ".join(one.agents)) or "any",
            str(one.devices),
            "collector.yaml" if one.fixed else "",
        ]
        for one in client.understand(answer, SitesSeen).results
    ]
    columns = [Column("SITE"), Column("NETWORKS"), Column("AGENTS"), Column("DEVICES", right=True), Column("")]
    write_lines(
        table(columns, rows, on) if rows else ["none yet; `netmon site set SITE --network 10.0.0.0/8` makes one"]
    )
    return Exit.FINE


def put(client: Client, name: str, networks: Sequence[str], agents: Sequence[str], as_json: bool) -> Exit:
    """Says where a site is. Raises Failure."""
    body = {"networks": list(networks), "agents": list(agents)}
    answer = client.send("PUT", f"{SITES}/{quote(name, safe='')}", body)
    if as_json:
        write_json(answer)
    else:
        site = client.understand(answer, SiteSeen)
        write_lines([f"{escape(site.name)} is kept; {count(site.devices, 'device is', 'devices are')} polled there"])
    return Exit.FINE


def remove(client: Client, name: str, as_json: bool) -> Exit:
    """Forgets a site. Raises Failure."""
    answer = client.send("DELETE", f"{SITES}/{quote(name, safe='')}")
    if as_json:
        write_json(answer)
    else:
        write_lines([f"{escape(name)} is forgotten; devices that people put there stay so"])
    return Exit.FINE
