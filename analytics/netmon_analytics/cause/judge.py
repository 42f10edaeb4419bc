"""Ranks the probable causes of what was seen.

Each hypothesis says of each observation whether it would show the sign, so that they form a noisy-or belief network of
two layers over the dependencies of the network, as in Shrink (Kandula et al., MineNet 2005) and Sherlock (Bahl et
al., SIGCOMM 2007). How reliably signs show is not known and not the same in all outages: all alike observations of a
hypothesis (same relation, same sign) share one unknown rate with a beta prior, so that four hundred devices
behind a switch are one strong piece of evidence and not four hundred. Several faults at a time are found one after
another, each among what the ones before leave unexplained, as in SCORE (Kompella et al., NSDI 2005).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from netmon_analytics.cause.burden import Burden
from netmon_analytics.cause.evidence import NOBODY, Changed, Earlier, Observations
from netmon_analytics.cause.hypotheses import Scene
from netmon_analytics.cause.network import Bools, Floats, Ints, Network
from netmon_analytics.cause.nouns import Change, Fault, Relation, Sign
from netmon_analytics.cause.related import Codes, Related
from netmon_analytics.cause.tables import Tables
from netmon_analytics.cause.weights import CHANGES, RARITIES, WAYS, Level, Way, Weights

NONE: Final = -1
MOST_FAULTS: Final = 3
KEPT: Final = 12
LEAST_SCORE: Final = 0.001
MOST_MOVERS: Final = 4
"""Of each kind of fault, for so many subjects it is looked at where traffic goes without them."""
LEAST_MOVED: Final = 3
"""If there are so many signs about traffic."""
_WITHOUT_A_WAY = (Fault.LINK, Fault.DEVICE, Fault.POWER, Fault.ROUTING)
_HARD = [int(one) for one in (Sign.UNREACHABLE, Sign.LINK_DOWN, Sign.PEER_LOST)]
_OF_TRAFFIC = [int(one) for one in (Sign.LOSS, Sign.LATENCY, Sign.BUSY_LINK)]


@dataclass(frozen=True, slots=True)
class Shown:
    """Alike observations that a cause is expected to show: how many of them there are, how many show it, and what that
    says for the cause."""

    relation: Relation
    sign: Sign
    number: int
    of: int
    worth: float


@dataclass(frozen=True, slots=True)
class Cause:
    """A probable cause. score: how probable, 0 to 1; also that it is one of several at the same time.

    worth: the logarithm of its odds, of which the rest are the parts: what shows, `unexplained` signs and what they
    cost, the change just before, the order of signs, earlier incidents. explained: which observations it accounts for.
    """

    fault: Fault
    subject: int
    score: float
    worth: float
    shown: tuple[Shown, ...]
    unexplained: int
    unexplained_worth: float
    change: Changed | None
    change_worth: float
    late_s: float
    late_worth: float
    earlier: int
    earlier_worth: float
    first_s: float
    explained: Ints
    beside: int = 0
    """Which of several faults at the same time it is: 0 for the first."""


def rank(
    network: Network,
    observations: Observations,
    changes: Sequence[Changed] = (),
    earlier: Iterable[Earlier] = (),
    since_s: float = -np.inf,
    about: frozenset[int] | None = None,
    weights: Weights = Weights(),  # noqa: B008 - frozen
) -> list[Cause]:
    """The probable causes, the most probable first; empty where nothing is wrong.

    since_s: when it began, as far as that is known; signs that were there before need less of an explanation. about:
    the nodes that it is about, None for all; a cause explains a sign there, those elsewhere only bear witness. Raises
    ValueError where nodes, links or viewers are told of that the network does not have.
    """
    _check(network, observations, changes)
    history = {(one.fault, one.subject): one.times for one in earlier}
    scene = Scene(network, observations, tuple(changes), since_s, about)
    found: list[Cause] = []
    for turn in range(MOST_FAULTS):
        if not (scene.wrong & scene.concerned).any():
            break
        judged = _Round(scene, weights, history).causes()
        unexplained = np.zeros((1, np.count_nonzero(scene.wrong)), np.bool_)
        nothing = -float(Burden(scene, weights).of(unexplained)[0])
        if turn:
            judged = [replace(one, beside=turn, worth=one.worth - weights.another) for one in judged]
            judged = judged if judged and judged[0].worth > nothing else []
        scored = _scored(judged, nothing, weights)
        found += scored
        if not scored:
            break
        scene = _after(scene, scored[0])
    return _once(sorted(found, key=lambda one: -one.score))


def _check(network: Network, observations: Observations, changes: Sequence[Changed]) -> None:
    nodes = [*network.ends.ravel().tolist(), *network.viewers.tolist(), *observations.node.tolist()]
    for what, told, count in (
        ("node", [*nodes, *(one.node for one in changes)], network.nodes),
        ("link", observations.link[observations.link != NOBODY].tolist(), network.links),
        ("viewer", observations.viewer[observations.viewer != NOBODY].tolist(), len(network.viewers)),
    ):
        if told and not 0 <= min(told) <= max(told) < count:
            raise ValueError(f"there are {count} {what}s, numbered from 0 on (got {min(told)} to {max(told)})")


@dataclass(frozen=True)
class _Judged:
    """A hypothesis, and what its evidence is made of: the relation of each sign that is wrong, and how many
    observations stand to it how, (relations, signs)."""

    way: Way
    cause: Cause
    codes: Codes
    of: Ints


class _Round:
    """All hypotheses about one scene."""

    def __init__(self, scene: Scene, weights: Weights, history: dict[tuple[Fault, int], int]) -> None:
        self._scene = scene
        self._weights = weights
        self._history = history
        self._tables = Tables(len(scene.seen), weights)
        self._burden = Burden(scene, weights)
        self._wrong = np.flatnonzero(scene.wrong)
        self._sign = scene.seen.sign[self._wrong]
        self._at_s = scene.seen.at_s[self._wrong]
        self._concerned = scene.concerned[self._wrong]

    def causes(self) -> list[Cause]:
        """The best, the best first."""
        scene, subjects = self._scene, self._scene.subjects()
        found: dict[tuple[Fault, int], _Judged] = {}
        for way in WAYS:
            chosen = subjects[way.like] if way.fault is way.like else scene.at_changes(subjects[way.like])
            for one in self._of_way(way, chosen) if len(chosen) else ():
                key = one.cause.fault, one.cause.subject
                found[key] = max(found.get(key, one), one, key=lambda each: each.cause.worth)
        best = sorted(found.values(), key=lambda one: -one.cause.worth)[:KEPT]
        return [replace(one.cause, shown=self._shown(one)) for one in best]

    def _of_way(self, way: Way, subjects: Ints) -> list[_Judged]:
        """The best of a way; what they show is not written down yet."""
        scene = self._scene
        related = self._with_movers(way, subjects, scene.relations(way.like, subjects))
        related = self._without_strays(way, related)
        codes, explained = self._of_wrong(way, related)
        of = related.counts(scene.seen.sign, scene.seen.alive)
        worth = self._shown_worth(way, related.counts(scene.seen.sign, scene.wrong), of)
        total = worth - self._burden.of(explained) - self._weights.price(RARITIES[way.fault])
        fitting = np.flatnonzero((explained & self._concerned).any(axis=1))
        best = fitting[np.argsort(-total[fitting], kind="stable")][:KEPT]
        judged = ((row, self._cause(way, int(subjects[row]), codes[row], float(total[row]))) for row in best.tolist())
        return [_Judged(way, cause, codes[row], of[row]) for row, cause in judged if cause is not None]

    def _of_wrong(self, way: Way, related: Related) -> tuple[Codes, Bools]:
        """The relation of each sign that is wrong to each subject, and whether that explains it."""
        column = np.full(len(self._scene.seen), NONE, np.intp)
        column[self._wrong] = np.arange(len(self._wrong))
        there = column[related.column] >= 0
        codes = np.full((related.subjects, len(self._wrong)), NONE, np.int8)
        codes[related.row[there], column[related.column[there]]] = related.code[there]
        return codes, self._covered(way, codes)

    def _covered(self, way: Way, codes: Codes) -> Bools:
        """Which signs that are wrong are explained by their relations."""
        expected = np.zeros((len(Relation) + 1, len(Sign)), np.bool_)
        for relation, signs in way.expected.items():
            expected[relation, [int(sign) for sign in signs]] = True
        return expected[codes, self._sign]  # NONE is -1: the last row, in which nothing is expected

    def _with_movers(self, way: Way, subjects: Ints, related: Related) -> Related:
        """Where signs of traffic are to be explained, looks what traffic moves without the best of the subjects."""
        scene = self._scene
        if Relation.MOVED not in way.expected or np.isin(self._sign, _OF_TRAFFIC).sum() < LEAST_MOVED:
            return related
        hard = np.isin(self._sign, _HARD)
        _, explained = self._of_wrong(way, related)
        counts = (related.counts(scene.seen.sign, chosen) for chosen in (scene.wrong, scene.seen.alive))
        total = self._shown_worth(way, *counts) - self._burden.of(explained, hard)
        best = np.argsort(-total, kind="stable")[:MOST_MOVERS]
        for row in best[(explained[best] & hard).any(axis=1)].tolist():
            related = related.with_more(row, scene.moved(way.like, int(subjects[row])), Relation.MOVED)
        return related

    def _without_strays(self, way: Way, related: Related) -> Related:
        """Where hardly any of many places show a sign that may show at a part of them, these have other causes."""
        scene = self._scene
        number, of = (related.counts(scene.seen.sign, chosen) for chosen in (scene.wrong, scene.seen.alive))
        few = number < self._weights.part * of
        part = np.zeros(few.shape[1:], np.bool_)
        for relation, sign, level in _expected(way):
            part[relation, sign] = level is Level.PART
        return related.where(~(few & part)[related.row, related.code, scene.seen.sign[related.column]])

    def _shown_worth(self, way: Way, number: Ints, of: Ints) -> Floats:
        """What all that is expected to show says for each subject, by how many of how many observations
        show it: (subjects, relations, signs)."""
        worth, chosen = np.zeros(len(of)), np.zeros(len(of), np.bool_)
        for relation, sign, level in _expected(way):
            shown, among = number[:, relation, sign], of[:, relation, sign]
            worth += self._tables.worth(level, shown, among)
            chosen |= (level in (Level.FEW, Level.PART)) & (shown > 0)
            if sign is Sign.UNREACHABLE and relation is Relation.BEHIND and way.like in _WITHOUT_A_WAY:
                worth -= self._weights.answered * np.log2(1.0 + (among - shown))
        return worth + chosen * float(np.log(self._weights.maybe))

    def _cause(self, way: Way, subject: int, codes: Codes, worth: float) -> Cause | None:
        """None where nobody changed what would have to be changed."""
        weights, fault, explained = self._weights, way.fault, self._covered(way, codes)
        first_s = self._first(explained)
        change, change_worth = self._change(way, subject, first_s)
        if fault is not way.like:  # it is the change's node, and any of its links might be the one
            if change is None:
                return None
            subject = change.node
            worth -= float(np.log(len(self._scene.network.joints.lists[subject])))
        late_s, late_worth = self._lateness(codes, explained, first_s)
        times = self._history.get((fault, subject), 0)
        earlier_worth = weights.history * float(np.log2(1 + times))
        return Cause(
            fault,
            subject,
            0.0,
            worth + change_worth + late_worth + earlier_worth,
            (),
            int(np.count_nonzero(~explained)),
            -float(self._burden.of(explained[None, :])[0]),
            change,
            change_worth,
            late_s,
            late_worth,
            times,
            earlier_worth,
            first_s,
            self._wrong[explained],
        )

    def _shown(self, judged: _Judged) -> tuple[Shown, ...]:
        """The pieces of evidence, the most signs first: what each says, and what it spares to have it explained."""
        cause, codes = judged.cause, judged.codes
        explained = self._covered(judged.way, codes)
        found = []
        for relation, sign, level in _expected(judged.way):
            there = (codes == relation) & (self._sign == sign)
            number, of = int(np.count_nonzero(there)), int(judged.of[relation, sign])
            if of:
                worth = float(self._tables.worth(level, np.array([number]), np.array([of]))[0])
                more = float(self._burden.of((explained & ~there)[None, :])[0])
                found.append(Shown(relation, sign, number, of, worth + more + cause.unexplained_worth))
        return tuple(sorted(found, key=lambda one: (-one.number, -one.worth)))

    def _change(self, way: Way, subject: int, first_s: float) -> tuple[Changed | None, float]:
        """The change that speaks most for a cause: at its node, of a fitting kind, before the first sign."""
        fitting = CHANGES.get(way.fault, frozenset[Change]())
        nodes = {subject} if way.like is not Fault.LINK else set(self._scene.network.ends[subject].tolist())
        best: tuple[Changed | None, float] = (None, 0.0)
        for one in self._scene.changes:
            before_s = first_s - one.at_s
            if one.kind in fitting and one.node in nodes and -self._weights.late_s < before_s < self._weights.window_s:
                best = max(best, (one, self._change_worth(before_s)), key=lambda pair: pair[1])
        return best

    def _change_worth(self, before_s: float) -> float:
        """How unlikely a change so short before was by chance."""
        weights, scene = self._weights, self._scene
        by_chance = (1 + len(scene.changes)) / (scene.network.nodes * weights.window_s) * max(before_s, weights.late_s)
        return min(weights.change, max(0.0, -float(np.log(by_chance))))

    def _lateness(self, codes: Codes, explained: Bools, first_s: float) -> tuple[float, float]:
        """How much later than the first sign the subject's own came, and what that costs; nothing where none came."""
        own = explained & np.isin(codes, (Relation.OWN, Relation.FACING))
        if not own.any():
            return 0.0, 0.0
        late_s = self._first(own) - first_s
        beyond = max(0.0, late_s - self._weights.late_s) / self._weights.late_s
        return late_s, -self._weights.late * (1.0 - float(np.exp(-beyond)))

    def _first(self, chosen: Bools) -> float:
        """When the first of some signs came since it began; of older ones where there is no other."""
        times = self._at_s[chosen]
        since = times[times >= self._scene.since_s]
        return float(since.min() if len(since) else times.max())


def _expected(way: Way) -> Iterator[tuple[Relation, Sign, Level]]:
    """Which signs show where, and how surely."""
    for relation, signs in way.expected.items():
        for sign, level in signs.items():
            yield relation, sign, level


def _scored(judged: Sequence[Cause], nothing: float, weights: Weights) -> list[Cause]:
    """Odds become probabilities, beside that of none of them."""
    if not judged:
        return []
    logs = np.array([*(one.worth for one in judged), nothing]) / weights.temperature
    shares = np.exp(logs - logs.max())
    shares /= shares.sum()
    return [
        replace(one, score=float(share))
        for one, share in zip(judged, shares[:-1], strict=True)
        if share >= LEAST_SCORE or one is judged[0]
    ]


def _after(scene: Scene, cause: Cause) -> Scene:
    """What is left when a cause is taken for granted."""
    alive = scene.seen.alive.copy()
    alive[cause.explained] = False
    network = scene.without(cause.fault, cause.subject)
    return replace(scene, network=network, seen=replace(scene.seen, alive=alive))


def _once(causes: Sequence[Cause]) -> list[Cause]:
    """Each cause once, where it is most probable."""
    kept: dict[tuple[Fault, int], Cause] = {}
    for one in causes:
        kept.setdefault((one.fault, one.subject), one)
    return list(kept.values())
