"""Where traffic goes when something is gone.

Nobody measures who talks to whom. What starts and ends at the edge is known from the load of its links, and is taken
to spread in proportion to both ends (the gravity model; Zhang et al., Fast Accurate Computation of Large-Scale IP
Traffic Matrices from Link Loads, SIGMETRICS 2003), over shortest ways. Only the difference that a fault makes is taken
from this model, in the measure in which it is right about what the subject of the fault carried.
"""

from typing import Final

import numpy as np

from netmon_analytics.cause.network import FAR, Bools, Floats, Ints, Network
from netmon_analytics.cause.ways import Ways

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
    ends = network.ends[network.open]
    here, there = ends.T.ravel(), ends[:, ::-1].T.ravel()
    lowest, highest = np.full(network.nodes, network.nodes), np.full(network.nodes, -1)
    np.minimum.at(lowest, here, there)
    np.maximum.at(highest, here, there)
    sums = np.bincount(here, np.tile(load[network.open], 2), network.nodes)
    found: Floats = np.where(lowest == highest, sums, 0.0)
    return found


def _spread(network: Network, masses: Floats, goals: Ints) -> Floats:
    """What each link carries when each node sends to each goal in proportion to both."""
    total = np.zeros(network.links)
    for goal in goals.tolist():
        ways = Ways.of(network, goal)
        sent = np.where(ways.away < FAR, masses, 0.0) * masses[goal]
        sent[goal] = 0.0
        total += ways.carried(sent)
    return total


def _lost_links(network: Network, without: Network) -> Bools:
    gone = np.array(sorted(without.gone - network.gone), np.intp)
    cut = np.zeros(network.links, np.bool_)
    cut[sorted(without.cut - network.cut)] = True
    return np.asarray(cut | np.isin(network.ends, gone).any(axis=1))
