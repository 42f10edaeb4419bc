"""`netmon map`, `links`, `path`, `where`: how devices hang together, and where hosts are."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from netmon_cli.client import Client
from netmon_cli.failure import Exit
from netmon_cli.map_answers import Downstream, End, Link, Links, Map, Node, Path, Where
from netmon_cli.output import Cell, Column, Paper, age, count, escape, table, write_json, write_lines

_DEEPEST = 40
_SURE = 0.9


class Part(NamedTuple):
    """Which part of the map is asked for; all of it where nothing is said."""

    device: str | None = None
    at: float | None = None
    vlan: int | None = None
    site: str | None = None

    def parameters(self) -> list[tuple[str, str]]:
        near = [("device", self.device), ("hops", "2")] if self.device is not None else []
        then = [("at", f"{self.at:.3f}")] if self.at is not None else []
        said = [(name, str(value)) for name in ("vlan", "site") if (value := getattr(self, name)) is not None]
        return [*near, *then, *said]


def show_map(client: Client, part: Part, as_dot: bool, as_json: bool, on: Paper) -> Exit:
    """The map as a tree of what hangs below what. Raises Failure."""
    parameters = [*([("layer", "2")] if not as_json else []), *part.parameters()]
    answer = client.get("/api/v1/topology", parameters)
    found = client.understand(answer, Map)
    if as_json:
        write_json(answer)
    elif as_dot:
        write_lines(dot(found))
    else:
        write_lines(tree(found, on))
    return Exit.FINE


def show_links(
    client: Client, device: str | None, since: float | None, vlan: int | None, as_json: bool, on: Paper
) -> Exit:
    """Links with their evidence; with a time, those that came or went since. Raises Failure."""
    if since is not None:
        path = "/api/v1/links/changes"
        answer = client.pages(path, [("since", f"{since:.3f}")])
    else:
        asked = [("device", device)] if device is not None else []
        answer = client.pages("/api/v1/links", [*asked, *([("vlan", str(vlan))] if vlan is not None else [])])
    if as_json:
        write_json(answer)
        return Exit.FINE
    links = client.understand(answer, Links).results
    now = client.status().now
    write_lines(changes(links, on) if since is not None else overview(seen_from(links, device), now, on))
    return Exit.FINE


def show_path(client: Client, start: str, goal: str, vlan: int | None, as_json: bool) -> Exit:
    """A way between two devices. Raises Failure."""
    within = [("vlan", str(vlan))] if vlan is not None else []
    answer = client.get("/api/v1/paths", [("a", start), ("b", goal), *within])
    if as_json:
        write_json(answer)
    else:
        write_lines(way(client.understand(answer, Path)))
    return Exit.FINE


def show_downstream(client: Client, of: str, seen_from: str, as_json: bool) -> Exit:
    """What cannot be reached when a device fails. Raises Failure."""
    answer = client.get("/api/v1/downstream", [("of", of), ("seen_from", seen_from)])
    if as_json:
        write_json(answer)
    else:
        behind = client.understand(answer, Downstream)
        devices = [one for one in behind.nodes if not one.startswith(("subnet:", "segment:"))]
        nothing = f"nothing is behind {escape(behind.of)}: there are other ways around it, or it stands at an end"
        write_lines([escape(one) for one in devices] or [nothing])
    return Exit.FINE


def show_where(client: Client, text: str, as_json: bool, on: Paper) -> Exit:
    """Where a host or device is, and was. Raises Failure."""
    answer = client.get("/api/v1/where", [("q", text)])
    if as_json:
        write_json(answer)
    else:
        write_lines(places(client.understand(answer, Where), client.status().now, on))
    return Exit.FINE


def overview(links: Sequence[Link], now: datetime, on: Paper) -> list[str]:
    """A line per link."""
    if not links:
        return ["no links yet; `netmon device add HOST` polls a switch or router, which tells of its neighbours"]
    columns = (Column("FROM"), Column("TO"), Column("LAYER"), Column("SURE"), Column("EVIDENCE"), Column("SINCE"))
    rows: list[list[Cell | str]] = [
        [
            _end(one.a),
            _end(one.b),
            str(one.layer),
            Cell(f"{int(one.confidence * 100)}%", None if one.confidence >= _SURE else "yellow"),
            escape(", ".join(sorted({piece.source for piece in one.evidence})) + _marks(one)),
            age((now - one.first_seen).total_seconds()),
        ]
        for one in links
    ]
    return table(columns, rows, on)


def seen_from(links: Sequence[Link], device: str | None) -> list[Link]:
    """Links with the ends that are asked for first."""
    return [
        one.model_copy(update={"a": one.b, "b": one.a}) if one.b.node == device != one.a.node else one for one in links
    ]


def changes(links: Sequence[Link], on: Paper) -> list[str]:
    """A line for each link that came or went."""
    if not links:
        return ["no link has come or gone"]
    columns = (Column("WHEN"), Column(""), Column("FROM"), Column("TO"))
    rows: list[list[Cell | str]] = [
        [
            f"{(one.gone or one.first_seen).astimezone():%Y-%m-%d %H:%M:%S}",
            Cell("gone", "red") if one.gone else Cell("new", "green"),
            _end(one.a),
            _end(one.b),
        ]
        for one in links
    ]
    return table(columns, rows, on)


def way(path: Path) -> list[str]:
    """A line per step, and what no way avoids."""
    lines = [escape(path.nodes[0])]
    for step in path.steps:
        ends = [_ends(one, step.start) for one in step.links]
        ports = ", ".join(f"{here or '?'} - {there or '?'}{_marks(one)}" for one, (here, there) in ends)
        lines.append(f"  {escape(ports)}")
        lines.append(escape(step.goal))
    cuts = ", ".join(escape(one) for one in path.cuts)
    return [*lines, f"no other way avoids {cuts}" if cuts else "there is another way around each device in between"]


def places(where: Where, now: datetime, on: Paper) -> list[str]:
    """Devices with their links, hosts with their places."""
    lines = [f"device {escape(one)}" for one in where.devices]
    if where.links:
        lines += overview(seen_from(where.links, where.devices[0]), now, on)
    columns = (Column("HOST"), Column("ADDRESSES"), Column("DEVICE"), Column("PORT"), Column("SINCE"), Column("SEEN"))
    stays = [*where.now, *where.before]
    rows: list[list[Cell | str]] = [
        [
            one.mac,
            escape(", ".join(one.addresses[:4])) or "-",
            escape(one.device),
            escape(one.port) + ("" if one.sure else " or behind it"),
            f"{one.since.astimezone():%Y-%m-%d %H:%M}",
            age((now - one.last_seen).total_seconds()),
        ]
        for one in stays
    ]
    return lines + (table(columns, rows, on) if rows else []) or ["no polled device has seen it"]


def tree(found: Map, on: Paper) -> list[str]:
    """Each part of the network from its best connected device down; links that close a ring are named at the end."""
    if not found.links:
        return ["no links yet; `netmon device add HOST` polls a switch or router, which tells of its neighbours"]
    nodes = {one.id: one for one in found.nodes}
    beside: dict[str, list[Link]] = {}
    for link in found.links:
        beside.setdefault(link.a.node, []).append(link)
        beside.setdefault(link.b.node, []).append(link)
    seen: set[str] = set()
    used: set[int] = set()
    lines = []
    for start in sorted(beside, key=lambda one: (nodes[one].kind != "device", -len(beside[one]), one)):
        if start not in seen:
            lines += [
                _title(nodes[start], found.cuts, on),
                *_branches(start, nodes, beside, seen, used, found.cuts, on),
            ]
    rings = [one for one in found.links if id(one) not in used]
    lines += [f"also {_end(one.a)} - {_end(one.b)}{_marks(one)}" for one in rings]
    if found.truncated:
        lines.append("the map is larger than what is shown here; name a device")
    return [*lines, "", _summary(found), *(f"note: {escape(one)}" for one in found.notes[:10])]


def _branches(
    start: str,
    nodes: Mapping[str, Node],
    beside: Mapping[str, list[Link]],
    seen: set[str],
    used: set[int],
    cuts: Sequence[str],
    on: Paper,
) -> Iterator[str]:
    """The lines below a node, depth first and without recursion."""
    seen.add(start)
    stack = [(start, 1, iter(sorted(beside[start], key=lambda one: _ends(one, start)[1])))]
    while stack:
        here, depth, links = stack[-1]
        link = next(links, None)
        if link is None:
            stack.pop()
            continue
        there = link.b.node if link.a.node == here else link.a.node
        if there in seen or id(link) in used:
            continue
        seen.add(there)
        used.add(id(link))
        mine, theirs = _ends(link, here)[1]
        ports = f"{escape(mine) or '?'} - {escape(theirs) or '?'}{_marks(link)}"
        indent = "  " * min(depth, _DEEPEST)
        yield f"{indent}{ports}  {_title(nodes[there], cuts, on)}"
        stack.append((there, depth + 1, iter(sorted(beside[there], key=lambda one: _ends(one, there)[1]))))


def dot(found: Map) -> list[str]:
    """The map in the language of Graphviz."""
    shapes = {"device": "box", "unmanaged": "ellipse", "segment": "point"}
    return [
        "graph netmon {",
        *(
            f"  {_quoted(one.id)} [label={_quoted(one.name or one.id)}, shape={shapes[one.kind]}];"
            for one in found.nodes
        ),
        *(f"  {_quoted(one.a.node)} -- {_quoted(one.b.node)} [{_drawn(one)}];" for one in found.links),
        "}",
    ]


def _drawn(link: Link) -> str:
    labels = f"taillabel={_quoted(link.a.port)}, headlabel={_quoted(link.b.port)}"
    return labels + (", style=dashed" if link.blocked else "")


def _quoted(text: str) -> str:
    return '"' + escape(text).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _summary(found: Map) -> str:
    kinds = [one.kind for one in found.nodes]
    drawn = f", drawn {found.drawn.astimezone():%H:%M:%S}" if found.drawn else ""
    parts = [
        count(found.devices, "device", "devices"),
        count(len(found.links), "link", "links"),
        f"{kinds.count('unmanaged'):,} not polled",
        f"{kinds.count('segment'):,} unmanaged in between",
    ]
    return ", ".join(parts) + drawn


def _title(node: Node, cuts: Sequence[str], on: Paper) -> str:
    name = escape(node.name if node.name and node.kind != "device" else node.id)
    mark = {"device": "", "unmanaged": " (not polled)", "segment": " (unmanaged switch)"}.get(node.kind, "")
    return on.paint(name, "bold" if node.kind == "device" else "dim") + mark + (" *" if node.id in cuts else "")


def _end(end: End) -> str:
    return escape(f"{end.name} {end.port}".rstrip())


def _ends(link: Link, here: str) -> tuple[Link, tuple[str, str]]:
    """A link with its ports as seen from one of its nodes."""
    near, far = (link.a, link.b) if link.a.node == here else (link.b, link.a)
    return link, (near.port, far.port)


def _marks(link: Link) -> str:
    stp = sorted({end.stp for end in (link.a, link.b)} - {"", "forwarding", "blocking"})
    marks = [*(["blocked"] if link.blocked else []), *stp, *([f"in {link.bundle}"] if link.bundle else [])]
    vlans = [f"VLAN {link.untagged}"] if link.untagged not in ("", "1") else []
    vlans += [f"tagged {link.tagged}"] if link.tagged else []
    return f" ({escape(', '.join([*marks, *vlans]))})" if marks or vlans else ""
