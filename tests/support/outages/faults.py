"""What goes wrong in a made network, and what that does to it."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, fields

import numpy as np

from netmon_analytics.cause import Change, Changed, Fault, Sign
from tests.support.outages.ways import Ways
from tests.support.outages.worlds import HOST, ROUTER, World

Rng = np.random.Generator

KINDS = ("link", "device", "power", "routing", "congestion", "configuration", "names", "host", "view", "two")

FEWEST = 3
"""Ways that an outage has to break that shows by nothing else."""


@dataclass
class Damage:
    """cut: links without a signal. silent: links that carry nothing, though their ports are up. mute: nodes that
    forward nothing. full: the part of packets that a link loses. blind: the part of its looks in which a viewer fails.
    told: signs that the damaged devices tell by themselves."""

    truths: list[tuple[Fault, int]] = field(default_factory=list)
    dead: set[int] = field(default_factory=set)
    cut: set[int] = field(default_factory=set)
    silent: set[int] = field(default_factory=set)
    mute: set[int] = field(default_factory=set)
    full: dict[int, float] = field(default_factory=dict)
    refused: set[int] = field(default_factory=set)
    wrong_names: set[int] = field(default_factory=set)
    starved: set[int] = field(default_factory=set)
    blind: dict[int, float] = field(default_factory=dict)
    told: list[tuple[int, Sign]] = field(default_factory=list)
    changes: list[Changed] = field(default_factory=list)

    def ways(self, world: World) -> Ways:
        return Ways(len(world.roles), world.ends, self.dead, self.cut | self.silent, self.mute)


def _link(world: World, rng: Rng, damage: Damage) -> None:
    link = _one(rng, [one for one in world.backbone() if one in world.known])
    damage.cut.add(link)
    damage.truths.append((Fault.LINK, link))


def _device(world: World, rng: Rng, damage: Damage) -> None:
    node = _one(rng, [one for one, role in enumerate(world.roles) if role != HOST])
    damage.dead.add(node)
    damage.truths.append((Fault.DEVICE, node))
    if rng.random() < 0.5:  # it has crashed, and tells when it comes back
        damage.told.append((node, Sign.RESTART))


def feeds_of(world: World) -> list[list[int]]:
    """What is fed together: groups of at least two, in the order in which the judgement knows them."""
    feeds = sorted(set(world.feeds))
    groups = [[node for node, one in enumerate(world.feeds) if one == feed] for feed in feeds]
    return [one for one in groups if len(one) > 1]


def _power(world: World, rng: Rng, damage: Damage) -> None:
    groups = feeds_of(world)
    central = set(world.viewers) | set(world.servers)
    number = _one(rng, [one for one, group in enumerate(groups) if not central & set(group)])
    damage.dead.update(groups[number])
    damage.truths.append((Fault.POWER, number))
    if rng.random() < 0.8:
        damage.told.append((_one(rng, groups[number]), Sign.POWER))


def _routing(world: World, rng: Rng, damage: Damage) -> None:
    node = _one(rng, _routers(world))
    damage.mute.add(node)
    damage.truths.append((Fault.ROUTING, node))


def _congestion(world: World, rng: Rng, damage: Damage) -> None:
    ways = Ways(len(world.roles), world.ends)
    pairs = [(node, world.viewers[viewer]) for viewer, node in world.looked_at if viewer]
    used = Counter(link for pair in pairs for link, share in ways.shares(*pair).items() if share >= 0.25)
    link = _one(rng, [one for one in world.backbone() if one in world.known and used[one] >= FEWEST])
    damage.full[link] = float(rng.uniform(0.1, 0.3))
    damage.truths.append((Fault.CONGESTION, link))


def _configuration(world: World, rng: Rng, damage: Damage) -> None:
    """A port is shut, what is behind one is forgotten, routing ends, or services are refused."""
    node = _one(rng, _forwarders(world))
    mine = [link for link, ends in enumerate(world.ends) if node in ends and link in world.known]
    which = int(rng.integers(4))
    if which == 0 and mine:
        damage.cut.add(_one(rng, mine))
    elif which == 1 and mine:
        damage.silent.update(_some(rng, mine))
    elif which == 2 and node in _routers(world):
        damage.mute.add(node)
    else:
        damage.refused.add(node)
    damage.truths.append((Fault.CONFIGURATION, node))
    damage.changes.append(Changed(node, Change.CONFIGURATION, -float(rng.uniform(5.0, 600.0))))


def _names(world: World, rng: Rng, damage: Damage) -> None:
    server = _one(rng, sorted(world.names))
    damage.wrong_names.add(server)
    damage.truths.append((Fault.NAMES, server))


def _host(world: World, rng: Rng, damage: Damage) -> None:
    node = _one(rng, [one for one in world.servers if one not in world.names])
    damage.starved.add(node)
    damage.truths.append((Fault.HOST, node))


def _view(world: World, rng: Rng, damage: Damage) -> None:
    """A poller loses its own network or does not get round, or the collector hears no agent."""
    viewer = int(rng.integers(len(world.viewers)))
    damage.blind[viewer] = 1.0 if viewer == 0 or rng.random() < 0.5 else float(rng.uniform(0.5, 1.0))
    damage.truths.append((Fault.VIEW, viewer))
    if rng.random() < 0.6:
        damage.told.append((world.viewers[viewer], Sign.LATE))


def _two(world: World, rng: Rng, damage: Damage) -> None:
    for kind in rng.choice(["link", "device", "power", "congestion", "configuration", "names"], 2, replace=False):
        one = damaged(world, str(kind), rng)
        for column in fields(Damage):
            both, new = getattr(damage, column.name), getattr(one, column.name)
            both.extend(new) if isinstance(both, list) else both.update(new)


_MAKERS: dict[str, Callable[[World, Rng, Damage], None]] = {
    "link": _link,
    "device": _device,
    "power": _power,
    "routing": _routing,
    "congestion": _congestion,
    "configuration": _configuration,
    "names": _names,
    "host": _host,
    "view": _view,
    "two": _two,
}


def damaged(world: World, kind: str, rng: Rng) -> Damage:
    """One outage of a kind that can be seen by somebody; what nobody could ever see is drawn again."""
    for _ in range(50):
        damage = Damage()
        _MAKERS[kind](world, rng, damage)
        if _can_be_seen(world, damage) or kind == "two":
            return damage
    raise LookupError(f"no {kind} in this network")


def _can_be_seen(world: World, damage: Damage) -> bool:
    """Whether the collector sees most of the network still, and what was refused or forgotten is anybody's way."""
    ways, whole = damage.ways(world), Ways(len(world.roles), world.ends)
    if set(world.viewers) & damage.dead:
        return False
    if sum(ways.joined(node, world.viewers[0]) for node in range(len(world.roles))) < len(world.roles) / 2:
        return False
    if damage.refused:
        return sum(refused(world, damage, ways, *pair) for pair in world.needs) >= FEWEST
    if damage.silent:
        pairs = [(node, world.viewers[viewer]) for viewer, node in world.looked_at] + world.needs
        return sum(whole.joined(*pair) and not ways.joined(*pair) for pair in pairs) >= FEWEST
    return True


def refused(world: World, damage: Damage, ways: Ways, host: int, server: int) -> bool:
    """Whether a node on the way from a host to a server lets the service through no more."""
    if not damage.refused:
        return False
    over = ways.shares(host, server)
    return any(share >= 0.5 and damage.refused & set(world.ends[link]) for link, share in over.items())


def _forwarders(world: World) -> list[int]:
    """Switches and routers that something else may hang on."""
    joined = np.bincount(np.array(world.ends).ravel(), minlength=len(world.roles))
    return [one for one, role in enumerate(world.roles) if role != HOST and joined[one] > 1]


def _routers(world: World) -> list[int]:
    """Routers that have routing neighbours."""
    pairs = [ends for ends in world.ends if {world.roles[one] for one in ends} == {ROUTER}]
    return sorted({one for ends in pairs for one in ends})


def _one(rng: Rng, among: list[int]) -> int:
    if not among:
        raise LookupError("there is none")
    return among[int(rng.integers(len(among)))]


def _some(rng: Rng, among: list[int]) -> list[int]:
    return [int(one) for one in rng.choice(among, size=min(len(among), int(rng.integers(1, 4))), replace=False)]
