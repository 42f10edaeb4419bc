"""A check of the collector's, read as any other input: with its name in the labels, and a word on what came of it."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import ClassVar, Final, Literal

from pydantic import PrivateAttr

from netmon_agent.inputs.base import Columns, Input, Key, Reading
from netmon_agent.inputs.checks.base import Check
from netmon_agent.inputs.checks.reach import Reach, within
from netmon_proto.model import AssignedCheck, CheckOutcome, CheckReport

LONGEST_TEXT: Final = 1024
_NAMED: Final = 3
"""So many targets that are down are named."""

Tell = Callable[[CheckReport], None]


class AssignedInput(Input):
    """Never configured: `of` makes one."""

    job: ClassVar[str] = "probe"

    type: Literal["assigned"] = "assigned"
    _assigned: AssignedCheck = PrivateAttr()
    _check: Check = PrivateAttr()
    _tell: Tell = PrivateAttr()
    _reach: Reach = PrivateAttr()
    _told: CheckReport | None = PrivateAttr(default=None)
    _keys: tuple[tuple[Key, ...], tuple[Key, ...]] = PrivateAttr(default=((), ()))
    """Those of the check, the very object, and what they are with their labels."""

    @classmethod
    def of(cls, assigned: AssignedCheck, check: Check, tell: Tell, reach: Reach) -> "AssignedInput":
        """`reach` is what it may ask; `tell` is told the first outcome, and each one that differs from that before."""
        made = cls.model_construct(interval_s=check.interval_s)
        made._assigned, made._check, made._tell, made._reach = assigned, check, tell, reach
        return made

    @property
    def title(self) -> str:
        return title_of(self._assigned.name)

    @property
    def apart(self) -> str:
        return f" {self._assigned.name}"

    @property
    def trouble(self) -> str | None:
        return self._told.trouble or None if self._told is not None else None

    async def gather(self, now_ms: int) -> Iterable[Columns | Reading]:
        started_s = time.perf_counter()
        try:
            with within(self._reach):
                found = list(await self._check.gather(now_ms))
        except Exception as error:
            self._report(now_ms, started_s, CheckOutcome.BROKEN, str(error) or type(error).__name__)
            raise
        down = list(_nought_in(found, "probe_success"))
        outcome = CheckOutcome.DOWN if down else CheckOutcome.UP
        nameless = list(_nought_in(found, "probe_ip_protocol"))
        trouble = self._check.trouble or _named(down, nameless, len(self._check.probed))
        self._report(now_ms, started_s, outcome, trouble)
        return self._labelled(found)

    def _report(self, now_ms: int, started_s: float, outcome: CheckOutcome, trouble: str) -> None:
        before, told = self._told, trouble[:LONGEST_TEXT]
        took_s = time.perf_counter() - started_s
        self._told = CheckReport(self._assigned.name, self._assigned.revision, now_ms, outcome, told, took_s)
        if before is None or (before.outcome, before.trouble) != (outcome, told):
            self._tell(self._told)

    def _labelled(self, found: Sequence[Columns | Reading]) -> Iterable[Columns | Reading]:
        """With the labels `check` and `device`; labels that readings share stay shared, and keys stay the same."""
        shared: dict[int, Mapping[str, str]] = {}
        for one in found:
            if isinstance(one, Columns):
                if one.keys is not self._keys[0]:
                    self._keys = one.keys, tuple(self._key(key) for key in one.keys)
                yield Columns(self._keys[1], one.values)
            else:
                if id(one.labels) not in shared:
                    shared[id(one.labels)] = self._labels(one.labels)
                yield one._replace(labels=shared[id(one.labels)])

    def _labels(self, labels: Mapping[str, str]) -> dict[str, str]:
        more = {"check": self._assigned.name}
        if device := self._assigned.devices.get(labels.get("target", "")):
            more["device"] = device
        return {**labels, **more}

    def _key(self, key: Key) -> Key:
        return key._replace(labels=tuple(sorted(self._labels(dict(key.labels)).items())))


def title_of(name: str) -> str:
    """What an assigned check is called among an agent's inputs."""
    return f"check {name}"


def _nought_in(found: Iterable[Columns | Reading], metric: str) -> Iterable[str]:
    """The targets of which a metric is nought."""
    for one in found:
        if isinstance(one, Reading):
            if one.name == metric and not one.value:
                yield one.labels.get("target", "")
            continue
        for key, value in zip(one.keys, one.values, strict=True):
            if key.name == metric and not value:
                yield dict(key.labels).get("target", "")


def _named(down: Sequence[str], nameless: Sequence[str], targets: int) -> str:
    """What is wrong: which targets do not answer, and which of them have no address."""
    troubles = []
    if down and targets > 1:
        troubles.append(f"{len(down)} of {targets} do not answer: {_some(down)}")
    elif down and not nameless:
        troubles.append("no answer")
    if nameless:
        troubles.append(f"no address for {_some(nameless)}")
    return "; ".join(troubles)


def _some(targets: Sequence[str]) -> str:
    return ", ".join(targets[:_NAMED]) + (", …" if len(targets) > _NAMED else "")
