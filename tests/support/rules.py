"""Rules over a store in memory, evaluated whenever a test says so, and receivers that write down what they are told."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from netmon_collector.alerts.base import Alert, AlertReceiver, AlertsNotTaken
from netmon_collector.query.engine import Engine
from netmon_collector.query.options import QueryOptions
from netmon_collector.rules.evaluation import Surroundings
from netmon_collector.rules.life import Active
from netmon_collector.rules.rulebook import Rulebook
from netmon_collector.rules.sources import Sources
from netmon_collector.rules.trial.memory import TrialStore
from netmon_collector.rules.writing import Ledger
from netmon_collector.store.base import Points, Store
from tests.support.clocks import HandClock


@dataclass
class Told:
    """A receiver that writes down every call; `refuses` has it not take any."""

    calls: list[tuple[int, list[Alert]]] = field(default_factory=list)
    refuses: bool = False

    async def take(self, alerts: Sequence[Alert], now_ms: int) -> None:
        if self.refuses:
            raise AlertsNotTaken("the disk is full")
        self.calls.append((now_ms, list(alerts)))

    def lines(self) -> list[str]:
        """Each alert as `time in seconds: name state`."""
        return [f"{now_ms // 1000}: {alert.name} {alert.state}" for now_ms, alerts in self.calls for alert in alerts]


@dataclass
class MemoryOf:
    """What outlives a restart, in memory."""

    kept: dict[tuple[str, object], Active] = field(default_factory=dict)
    marked_ms: int | None = None

    def all(self) -> dict[str, list[Active]]:
        found: dict[str, list[Active]] = {}
        for (rule, _), alert in self.kept.items():
            found.setdefault(rule, []).append(alert)
        return found

    def last_ms(self) -> int | None:
        return self.marked_ms

    async def mark(self, now_ms: int) -> None:
        self.marked_ms = now_ms

    async def keep(self, changed: Sequence[tuple[str, Active]], gone: Sequence[tuple[str, Active]]) -> None:
        for rule, alert in gone:
            self.kept.pop((rule, alert.labels), None)
        for rule, alert in changed:
            self.kept[rule, alert.labels] = alert


class Bench:
    """A folder with rule files, a store, and all that evaluates the ones over the other."""

    def __init__(self, folder: Path, rules: str, *, receiver: AlertReceiver | None = None, settles_ms: int = 0) -> None:
        self.folder = folder
        self.store = TrialStore()
        self.clock = HandClock(0)
        self.told = Told()
        self.memory = MemoryOf()
        self.settles_ms = settles_ms
        self._receiver = receiver or self.told
        self.while_pausing: list[Callable[[], object]] = []
        """What others do while the rulebook waits for files to settle, one after the other."""
        self.engine = Engine(self.store, QueryOptions(concurrency=1, cache_bytes=0))  # type: ignore[arg-type]
        self.write(rules)
        self.book = self.opened()

    def write(self, rules: str, name: str = "rules.yml") -> None:
        (self.folder / name).write_text(rules)

    def opened(self) -> Rulebook:
        """A rulebook as after a start."""

        async def append(points: Sequence[object]) -> None:
            await self.store.append(points)  # type: ignore[arg-type]

        surroundings = Surroundings(
            self.engine,
            Ledger(self.store, append),
            self._receiver,
            self.memory,
            settles_ms=self.clock.now_ms() + self.settles_ms,
        )
        saved = Sources([self.folder], list, shipped=False)

        async def pause(_: float) -> None:
            if self.while_pausing:
                self.while_pausing.pop(0)()

        return Rulebook(saved, surroundings, self.memory, self.clock.now_ms, pause)

    def have(self, name: str, points: dict[int, float], **labels: str) -> None:
        """Stores samples of a series: values by time in seconds."""
        own = tuple(sorted({"__name__": name, **labels}.items()))
        self.store.load(own, {time_s * 1000: value for time_s, value in points.items()})

    async def evaluate(self, *times_s: int) -> None:
        """Evaluates all groups at some times."""
        for time_s in times_s:
            self.clock.wall = time_s * 1000
            for group in self.book.groups:
                await group.evaluate(time_s * 1000)
        await self.memory.mark(self.clock.wall)

    async def value(self, expr: str, time_s: int) -> dict[str, float]:
        """What an expression comes to, by the series' labels but for the name."""
        answer = await self.engine.instant(expr, time_s * 1000)
        names = [",".join(f"{key}={value}" for key, value in labels if key != "__name__") for labels in answer.labels]
        return dict(zip(names, answer.values[:, 0].tolist() if names else [], strict=True))


async def alerts_over(store: Store, receiver: AlertReceiver, clock: HandClock) -> Rulebook:
    """The shipped rules over a real store."""

    async def append(points: Sequence[Points]) -> None:
        await store.append(points, None)

    engine = Engine(store, QueryOptions())
    memory = MemoryOf()
    surroundings = Surroundings(engine, Ledger(store, append), receiver, memory)
    book = Rulebook(Sources([], list), surroundings, memory, clock.now_ms)
    await book.start()
    return book
