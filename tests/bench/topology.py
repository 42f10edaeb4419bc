"""Made networks of known links, half of their switches without LLDP, drawn from their forwarding tables.

    python tests/bench/topology.py [DEVICES…]

Tables are full in the first run of each size; in the second, a tenth of all rows has aged out and a tenth of the
switches was seen by nobody. A last network is one single tree, the worst case for rows. The last line is one JSON
object: precision and recall of links, seconds, rows, and the memory beyond that of the tables themselves.
"""

import json
import math
import sys
import time
import tracemalloc
from itertools import pairwise
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from netmon_collector.topology.draw import Drawing, draw
from tests.support.networks import Made, Plan, make_network

SIZES = (100, 1_000, 10_000)
LEAST = 0.98
SLACK = 2.0
"""How many times what n log n rows would take a larger network may take: caches are no part of that."""
TREE = 600


def found_links(drawing: Drawing) -> tuple[set[frozenset[tuple[str, int]]], set[frozenset[tuple[str, int]]]]:
    """Links and segments of a drawing as sets of (device, ifIndex)."""
    links, segments = set(), dict[str, set[tuple[str, int]]]()
    for link in drawing.graph.links:
        ends = [(end.node, int(end.port.removeprefix("ge") or 0)) for end in (link.a, link.b)]
        inside = next((node for node, _ in ends if node.startswith("segment:")), None)
        if inside is None:
            links.add(frozenset(ends))
        else:
            segments.setdefault(inside, set()).update(end for end in ends if end[0] != inside)
    return links, {frozenset(one) for one in segments.values()}


def scores(made: Made, drawing: Drawing) -> dict[str, float]:
    links, segments = found_links(drawing)
    right, all_found, all_built = (
        len(links & made.links) + len(segments & made.segments),
        len(links) + len(segments),
        len(made.links) + len(made.segments),
    )
    sure = [place for place in drawing.places.values() if place.is_sure]
    at = sum(made.hosts[place.mac] == (place.device, int(place.port.removeprefix("ge"))) for place in sure)
    return {
        "precision": round(right / max(1, all_found), 4),
        "recall": round(right / max(1, all_built), 4),
        "hosts_placed": round(len(sure) / max(1, len(made.hosts)), 4),
        "hosts_right": round(at / max(1, len(sure)), 4),
    }


def measure(plan: Plan) -> dict[str, float]:
    made = make_network(plan)
    took_s = []
    for _ in range(3 if plan.switches <= 1_000 else 1):
        started_s = time.perf_counter()
        drawing = draw(made.told, 0)
        took_s.append(time.perf_counter() - started_s)
    tracemalloc.start()
    draw(made.told, 0)
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return {
        "devices": plan.switches,
        "rows": made.rows,
        "seconds": round(min(took_s), 3),
        "peak_mb": round(peak_bytes / 1e6, 1),
        **scores(made, drawing),
    }


def main() -> int:
    sizes = [int(one) for one in sys.argv[1:]] or list(SIZES)
    full = [measure(Plan(size)) for size in sizes]
    worn = [measure(Plan(size, missing=0.1, silent=0.1)) for size in sizes]
    tree = measure(Plan(min(TREE, sizes[-1]), per_site=min(TREE, sizes[-1])))
    for one in (*full, *worn, tree):
        print(one)
    budgets = {
        f"{name}_of_{one['devices']}_{kind}": {"value": one[name], "limit": f">= {LEAST}", "holds": one[name] >= LEAST}
        for kind, ones in (("full", full), ("worn", worn), ("one_tree", [tree]))
        for one in ones
        for name in ("precision", "recall")
    }
    for smaller, larger in pairwise(full[1:]):
        n_log_n = larger["rows"] * math.log(larger["rows"]) / (smaller["rows"] * math.log(smaller["rows"]))
        ratio = larger["seconds"] / smaller["seconds"] / n_log_n
        name = f"growth_to_{larger['devices']}_against_n_log_n"
        budgets[name] = {"value": round(ratio, 2), "limit": f"<= {SLACK}", "holds": ratio <= SLACK}
    print(json.dumps({"full": full, "worn": worn, "one_tree": tree, "budgets": budgets}))
    return 0 if all(one["holds"] for one in budgets.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
