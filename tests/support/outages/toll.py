"""What a made outage really hits, and what of that was foretold."""

from collections.abc import Sequence

import numpy as np

from netmon_analytics.cause import Cause
from netmon_analytics.cause.impact import Estate, Impact, impact
from tests.support.outages.faults import refused
from tests.support.outages.trials import Trial
from tests.support.outages.witnesses import BUSY, LOSSY

Hit = set[tuple[str, int]]
SURE = 0.5
"""From which score on the collector says what a further cause hits."""
KINDS = ("device", "service", "needing", "site", "link")


def estate_of(trial: Trial, rng: np.random.Generator) -> Estate:
    """What would be known: loads as they are measured, a little wrong."""
    outage, world = trial.outage, trial.outage.world
    known = sorted(world.known)
    load = outage.use_before[known] * world.capacity[known] * rng.normal(1.0, 0.05, len(known))
    return Estate(
        world.viewers[0],
        np.array(world.sites, np.intp),
        np.array(world.needs, np.intp).reshape(-1, 2),
        load,
        world.capacity[known],
    )


def true_toll(trial: Trial) -> Hit:
    """What is hit, by the simulation alone: also what has most of its traffic on a link that loses packets, be it that
    this is the fault or that traffic has moved there."""
    outage, world, damage = trial.outage, trial.outage.world, trial.outage.damage
    home, before, after = world.viewers[0], outage.before, outage.after
    nodes = range(len(world.roles))
    gone = {node for node in nodes if before.joined(node, home) and not after.joined(node, home)}
    gone |= damage.starved | damage.mute
    lossy = {*np.flatnonzero(outage.use_after > 1 + LOSSY).tolist(), *damage.full}
    gone |= {
        node for node in nodes for link, share in after.shares(node, home).items() if link in lossy and share >= 0.5
    }
    missed = {
        (who, whom)
        for who, whom in world.needs
        if {who, whom} & gone
        or whom in damage.wrong_names | damage.starved
        or not after.joined(who, whom)
        or refused(world, damage, after, who, whom)
    }
    sites = {world.sites[node] for node in gone}
    whole = {
        site
        for site in sites
        if (mine := [node for node in nodes if world.sites[node] == site]) and len(mine) > 1 and gone.issuperset(mine)
    }
    full = np.flatnonzero((outage.use_after > BUSY) & (outage.use_before <= BUSY)).tolist()
    numbers = outage.link_numbers
    return {
        *(("device", node) for node in gone),
        *(("service", whom) for _, whom in missed),
        *(("needing", who) for who, _ in missed),
        *(("site", site) for site in whole),
        *(("link", numbers[link]) for link in full if link in numbers and link not in damage.full),
    }


def told_toll(found: Impact) -> Hit:
    return {
        *(("device", node) for node in found.devices),
        *(("service", node) for node in found.services),
        *(("needing", node) for node in found.needing),
        *(("site", site) for site in found.sites),
        *(("link", link) for link, _ in found.overloaded),
    }


def foretold(trial: Trial, causes: Sequence[Cause], estate: Estate) -> Hit:
    """What the likeliest cause is said to hit, and each further one that is likely to be there at the same time."""
    toll: Hit = set()
    taken: set[int] = set()
    for one in causes:
        if one.beside not in taken and (not taken or one.score >= SURE):
            toll |= told_toll(impact(trial.outage.network, estate, one, trial.outage.observations))
            taken.add(one.beside)
    return toll
