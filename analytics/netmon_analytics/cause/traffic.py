"""Where traffic goes when something is gone.

Nobody measures who talks to whom. What starts and ends at the edge is known from the load of its links, and is taken
to spread in proportion to both ends (the gravity model; Zhang et al., Fast Accurate Computation of Large-Scale IP
Traffic Matrices from Link Loads, SIGMETRICS 2003), over shortest ways. Only the difference that a fault makes is taken
from this model, in the measure in which it is right about what the subject of the fault carried.
"""

from typing import Final

import numpy as np

from netmon_analytics.cause.network import FAR, Bools, Floats, Ints, Network

MOST_GOALS: Final = 96
"""The places with most traffic of their own, to which all is taken to go."""


def loads_without(network: Network, without: Network, load: Floats, local: Floats) -> Floats:
    """What each link carries once something is gone, in the unit of `load`, which is what it carries now.

    local: what starts and ends at each node beside what its links to single neighbours show.
    """
    masses = edge_masses(network, load) + local
    goals = np.argsort(-masses, kind="stable")[:MOST_GOALS]
    goals = goals[masses[goals] > 0]
    before, after = _spread(network, masses, goals), _spread(without, masses, goals)
    lost = _lost_links(network, without)
    carried = float(before[lost].sum())
    if carried <= 0:
        return np.where(lost, 0.0, load)
    moved = (after - before) * float(load[lost].sum()) / carried
    found: Floats = np.where(lost, 0.0, np.maximum(load + moved, 0.0))
    return found


def edge_masses(network: Network, load: Floats) -> Floats:
    """What starts and ends at nodes that have one neighbour, as the load of the links to it tells."""
    masses = np.zeros(network.nodes)
    for node, beside in enumerate(network.beside):
        if len({there for there, _ in beside}) == 1:
            masses[node] = sum(float(load[link]) for _, link in beside)
    return masses


def _spread(network: Network, masses: Floats, goals: Ints) -> Floats:
    """What each link carries when each node sends to each goal in proportion to both."""
    total = np.zeros(network.links)
    for goal in goals.tolist():
        away = network.distances(goal)
        flow = np.where(away < FAR, masses, 0.0) * masses[goal]
        flow[goal] = 0.0
        flow_at = flow.tolist()
        for here in np.argsort(-np.where(away < FAR, away, -1), kind="stable").tolist():
            if away[here] >= FAR or away[here] == 0 or not flow_at[here]:
                continue
            nearer = [(there, link) for there, link in network.beside[here] if away[there] == away[here] - 1]
            part = flow_at[here] / len(nearer)
            for there, link in nearer:
                total[link] += part
                flow_at[there] += part
    return total


def _lost_links(network: Network, without: Network) -> Bools:
    gone = np.array(sorted(without.gone - network.gone), np.intp)
    cut = np.zeros(network.links, np.bool_)
    cut[sorted(without.cut - network.cut)] = True
    return np.asarray(cut | np.isin(network.ends, gone).any(axis=1))
