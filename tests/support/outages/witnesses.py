"""What netmon would see of an outage: pollers' and agents' answers, ports, alerts; late, incomplete, with noise."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from netmon_analytics.cause import NOBODY, Change, Changed, Network, Observation, Observations, Sign
from tests.support.outages.faults import Damage, feeds_of, refused
from tests.support.outages.ways import Floats, Ways
from tests.support.outages.worlds import HOST, ROUTER, World

Rng = np.random.Generator

BUSY = 0.9
LOSSY = 0.02
MISSING, SWALLOWED = 0.1, 0.05
STRAY = {
    Sign.UNREACHABLE: 0.002,
    Sign.LINK_DOWN: 0.002,
    Sign.PEER_LOST: 0.001,
    Sign.LOSS: 0.005,
    Sign.LATENCY: 0.01,
    Sign.BUSY_LINK: 0.003,
    Sign.LOAD: 0.01,
    Sign.NAMES: 0.002,
    Sign.SERVICE: 0.004,
}
"""How often signs show that have nothing to do with it."""

TOLD_LATER = (Sign.POWER, Sign.LATE, Sign.RESTART)


@dataclass
class Outage:
    """A network, what is wrong with it, and what can be seen of that."""

    world: World
    damage: Damage
    network: Network
    link_numbers: dict[int, int]
    observations: Observations
    changes: list[Changed]

    @cached_property
    def before(self) -> Ways:
        return Ways(len(self.world.roles), self.world.ends)

    @cached_property
    def after(self) -> Ways:
        return self.damage.ways(self.world)

    @cached_property
    def use_before(self) -> Floats:
        return self.before.loads(self.world.demands) / self.world.capacity

    @cached_property
    def use_after(self) -> Floats:
        """With what is congested as full as it gets."""
        use = self.after.loads(self.world.demands) / self.world.capacity
        use[list(self.damage.full)] = 1.0
        return use


def seen(world: World, damage: Damage, rng: Rng) -> Outage:
    """What can be seen of an outage that began at second 0."""
    links = {link: number for number, link in enumerate(sorted(world.known))}
    ends = np.array([world.ends[link] for link in sorted(world.known)], np.intp).reshape(-1, 2)
    network = Network(
        len(world.roles),
        ends,
        np.array([*world.viewers, *world.servers], np.intp),
        tuple(np.array(one, np.intp) for one in feeds_of(world)),
    )
    outage = Outage(world, damage, network, links, Observations.of([]), [])
    witnesses = _Witnesses(outage, rng)
    outage.observations = Observations.of(witnesses.all())
    outage.changes = [*damage.changes, *_other_changes(world, rng)]
    return outage


def _other_changes(world: World, rng: Rng) -> list[Changed]:
    kinds = [Change.CONFIGURATION, Change.SOFTWARE, Change.LINKS]
    count = int(rng.poisson(2))
    nodes = rng.integers(len(world.roles), size=count).tolist()
    return [Changed(node, kinds[int(rng.integers(3))], -float(rng.uniform(0, 3600))) for node in nodes]


class _Witnesses:
    def __init__(self, outage: Outage, rng: Rng) -> None:
        self._outage = outage
        self._world, self._damage = outage.world, outage.damage
        self._rng = rng
        use = outage.use_after
        self._loss = {link: min(0.5, float(use[link]) - 1.0) for link in np.flatnonzero(use > 1.0).tolist()}
        self._loss.update(self._damage.full)
        self._full = {*np.flatnonzero(use > BUSY).tolist(), *self._loss}
        # what a witness tells comes to the collector only over what is left of the network
        self._heard = {
            node for node in range(len(self._world.roles)) if outage.after.joined(node, self._world.viewers[0])
        }

    def all(self) -> Iterator[Observation]:
        yield from self._looks()
        yield from self._ports()
        yield from self._services()
        for node in range(len(self._world.roles)):
            if node in self._heard:
                yield from self._told(node, Sign.LOAD, node in self._damage.starved, slow=True)
        for node, sign in self._damage.told:
            if self._rng.random() > MISSING and (node in self._heard or sign in TOLD_LATER):
                yield Observation(node, sign, True, self._when(slow=False))

    def _looks(self) -> Iterator[Observation]:
        """Pollers and agents' streams: whether a node answers, and what of the packets is lost."""
        for viewer, node in self._world.looked_at:
            here = self._world.viewers[viewer]
            if here not in self._heard:
                continue
            failed = self._rng.random() < self._damage.blind.get(viewer, 0.0)
            is_gone = failed or not self._outage.after.joined(node, here)
            yield from self._told(node, Sign.UNREACHABLE, is_gone, slow=True, viewer=viewer)
            if viewer == 0 or is_gone:
                continue
            ways = self._outage.after.shares(node, here)
            lost = sum(share * self._loss.get(link, 0.0) for link, share in ways.items())
            slow = any(share > 0.3 and link in self._full for link, share in ways.items())
            is_starved = node in self._damage.starved
            yield from self._told(node, Sign.LOSS, lost > LOSSY, slow=True, viewer=viewer)
            yield from self._told(
                node, Sign.LATENCY, slow or (is_starved and self._rng.random() < 0.7), slow=True, viewer=viewer
            )

    def _ports(self) -> Iterator[Observation]:
        """Ports of switches and routers, which pollers ask for and of which traps tell."""
        for link, ends in enumerate(self._world.ends):
            for node, far in (ends, ends[::-1]):
                if self._world.roles[node] == HOST or node not in self._heard:
                    continue
                number = self._outage.link_numbers.get(link, NOBODY)
                is_down = link in self._damage.cut or far in self._damage.dead
                yield from self._told(node, Sign.LINK_DOWN, is_down, slow=False, link=number)
                yield from self._told(node, Sign.BUSY_LINK, link in self._full, slow=True, link=number)
                if self._world.roles[node] == self._world.roles[far] == ROUTER:
                    has_no_peer = is_down or link in self._damage.silent or bool({node, far} & self._damage.mute)
                    yield from self._told(node, Sign.PEER_LOST, has_no_peer, slow=False, link=number)

    def _services(self) -> Iterator[Observation]:
        """What hosts and pollers find when they use a server."""
        for host, server in self._world.needs:
            if host not in self._heard:
                continue
            is_away = not self._outage.after.joined(host, server) or refused(
                self._world, self._damage, self._outage.after, host, server
            )
            is_wrong = server in self._damage.wrong_names or server in self._damage.starved
            sign = Sign.NAMES if server in self._world.names else Sign.SERVICE
            is_failing = is_away or (is_wrong and self._rng.random() < 0.8)
            asked = len(self._world.viewers) + self._world.servers.index(server)
            yield from self._told(host, sign, is_failing, slow=True, viewer=asked)
        for server in self._world.names:
            for viewer in range(1, len(self._world.viewers)):
                here = self._world.viewers[viewer]
                if here in self._heard and viewer not in self._damage.blind:
                    is_wrong = server in self._damage.wrong_names or not self._outage.after.joined(server, here)
                    yield from self._told(server, Sign.NAMES, is_wrong, slow=True, viewer=viewer)

    def _told(
        self, node: int, sign: Sign, is_wrong: bool, *, slow: bool, viewer: int = NOBODY, link: int = NOBODY
    ) -> Iterator[Observation]:
        chance = self._rng.random()
        if chance < MISSING:
            return
        if is_wrong:
            yield Observation(node, sign, self._rng.random() > SWALLOWED, self._when(slow), link, viewer)
        else:
            is_stray = self._rng.random() < STRAY.get(sign, 0.0)
            yield Observation(node, sign, is_stray, float(self._rng.uniform(-900.0, 300.0)), link, viewer)

    def _when(self, slow: bool) -> float:
        """Polls are up to a minute apart, and what tells by itself may be late."""
        return float(self._rng.uniform(0.0, 60.0) * slow + self._rng.exponential(20.0))
