"""All models: what there is, what is trained when, which version counts, and what is asked of them."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from netmon_analytics.models.interfaces import Arrays
from netmon_collector.alerts.channels.http import Http
from netmon_collector.models.base import Keeper, Made, Standing
from netmon_collector.models.built_in import BuiltIn
from netmon_collector.models.detector import DetectorKeeper
from netmon_collector.models.elsewhere import Elsewhere
from netmon_collector.models.forecaster import ForecasterKeeper
from netmon_collector.models.meters import Meters
from netmon_collector.models.shelf import Shelf, Version
from netmon_collector.models.spec import BUILT_IN, MOST_MODELS, FixedModel, ModelError, Spec, check
from netmon_collector.models.workshop import TrainingFailed, Workshop
from netmon_collector.query.engine import Engine
from netmon_collector.rules.writing import Ledger
from netmon_configs.logs import EventLog

log = EventLog("netmon.collector.models")

TICK_S: Final = 10.0
RETRY_MS: Final = 3_600_000
DRIFT_RETRAINS_AFTER_MS: Final = 86_400_000
SCHEDULE: Final = "schedule"
BEFORE: Final = "before it was trained"


class Kept(Protocol):
    """Where models are kept, see state/models.py. Calls are short and synchronous."""

    def all(self) -> list[tuple[Spec, str]]:
        """Each with the key for its server, "" where it needs none."""
        ...

    def put(self, spec: Spec, key: str) -> None: ...

    def remove(self, name: str) -> None: ...


@dataclass(slots=True)
class Model:
    """One model. failed: when a training failed last, and why. trouble: why it is not followed now. is_fixed: it
    stands in the configuration."""

    spec: Spec
    keeper: Keeper
    shelf: Shelf
    elsewhere: Elsewhere | None = None
    failed: tuple[int, str] | None = None
    trouble: str | None = None
    is_fixed: bool = False

    @property
    def trained(self) -> Version | None:
        """The version that counts; None where it is of what the model was before."""
        version = self.shelf.version()
        return None if version is None or version.about["of"] != self.spec.of else version

    def standing(self) -> Standing | None:
        return self.keeper.standing()

    def due_ms(self) -> int | None:
        """When it is trained next by itself; None where only somebody's hand does so."""
        if not self.spec.every_s:
            return None
        if self.failed is not None:
            return self.failed[0] + RETRY_MS
        standing = self.standing()
        if self.trained is None or standing is None:
            return 0
        every_ms = round(self.spec.every_s * 1000)
        if standing.has_drifted:
            every_ms = min(every_ms, DRIFT_RETRAINS_AFTER_MS)
        return self.trained.made_ms + every_ms


@dataclass(frozen=True, slots=True)
class Parts:
    """What models stand on. folder: where versions are kept."""

    kept: Kept
    folder: Path
    engine: Engine
    ledger: Ledger
    http: Http
    workshop: Workshop
    meters: Meters
    now_ms: Callable[[], int]
    versions: int = 5
    most_bytes: int = 2 << 30


class Models:
    """training: the name of the model that is being trained, and since when; None between times."""

    def __init__(self, parts: Parts, built_in: BuiltIn | None, configured: Iterable[tuple[Spec, str]] = ()) -> None:
        """configured: models with the keys for their servers; they take the place of those that are kept."""
        self._parts = parts
        self._built_in = built_in
        self._all: dict[str, Model] = {}
        self._wanted: dict[str, tuple[str, str]] = {}
        self._wake = asyncio.Event()
        self.training: tuple[str, int] | None = None
        if built_in is not None:
            spec = Spec(BUILT_IN, "detector", "", 0.0, 0.0, 0.0, 0.0)
            self._all[BUILT_IN] = Model(spec, built_in, self._shelf(BUILT_IN))
        for spec, key in parts.kept.all():
            self._all[spec.name] = self._model(spec, key)
        for spec, key in configured:
            self._all[spec.name] = self._model(spec, key)
            self._all[spec.name].is_fixed = True
        parts.meters.watch(self.all)

    def all(self) -> list[Model]:
        return sorted(self._all.values(), key=lambda one: one.spec.name)

    def one(self, name: str) -> Model:
        """Raises KeyError."""
        return self._all[name]

    @property
    def wanted(self) -> list[str]:
        """The models that wait to be trained, in this order."""
        return list(self._wanted)

    @property
    def pid(self) -> int | None:
        """Of the process that is at work."""
        working = self._parts.workshop.working
        return None if working is None else working.pid

    async def put(self, spec: Spec, key: str) -> Model:
        """Has a model, or another one of a name. key: for its server. Raises ModelError, and what `Kept` raises."""
        check(spec)
        self._check_free(spec.name)
        if spec.name not in self._all and len(self._all) >= MOST_MODELS:
            raise ModelError(f"there are {MOST_MODELS} models already")
        self._parts.kept.put(spec, key)
        before = self._all.get(spec.name)
        model = self._all[spec.name] = self._model(spec, key)
        await self._begin(model)
        if before is not None and before.trained is not None and before.spec != spec and not self._is_wanted(spec.name):
            self.want(spec.name, "", "it was changed")
        return model

    def key_of(self, name: str, url: str) -> str:
        """The key for the server of a model; "" where there is no such model, or it is elsewhere."""
        model = self._all.get(name)
        return model.elsewhere.key if model and model.elsewhere and model.spec.url == url else ""

    async def remove(self, name: str) -> Spec:
        """Forgets a model and its versions. Raises KeyError, ModelError, and what `Kept` raises."""
        model = self.one(name)
        if name == BUILT_IN:
            raise ModelError(f"{BUILT_IN} is always there; 'anomaly: enabled' in collector.yaml switches it off")
        self._check_free(name)
        await asyncio.to_thread(self._parts.kept.remove, name)
        del self._all[name]
        self._wanted.pop(name, None)
        self._parts.ledger.end([f"model {name}"], self._parts.now_ms())
        await asyncio.to_thread(model.shelf.remove)
        return model.spec

    def _check_free(self, name: str) -> None:
        if name in self._all and self._all[name].is_fixed:
            raise FixedModel(name)

    def want(self, name: str, by: str, why: str) -> None:
        """Has a model trained as soon as no other is. Raises KeyError, ModelError."""
        self.one(name)
        if name in self._wanted or (self.training and self.training[0] == name):
            raise ModelError("it is being trained, or waits to be, already")
        self._wanted[name] = by, why
        self._wake.set()

    async def roll_back(self, name: str, number: int, by: str, why: str) -> Version:
        """Has another version count. Raises KeyError, ModelError, OSError."""
        model = self.one(name)
        version, arrays = await asyncio.to_thread(model.shelf.whole, number)
        await asyncio.to_thread(self._take_up, model, version, arrays)
        await asyncio.to_thread(model.shelf.choose, number, by, why, self._parts.now_ms())
        log.info("model.rolled_back", model=name, version=number, by=by, why=why)
        return version

    async def run(self) -> None:
        """Follows models and trains them, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._follow())
            tasks.create_task(self._train())

    async def _follow(self) -> None:
        for model in self.all():
            await self._begin(model)
        while True:
            for model in self.all():
                try:
                    await model.keeper.follow(self._parts.now_ms())
                except Exception as error:  # noqa: BLE001 - one model that fails must not stop the others
                    if model.trouble is None:
                        log.warning("model.not_followed", model=model.spec.name, error=str(error))
                    model.trouble = str(error) or type(error).__name__
                else:
                    if model.trouble is not None:
                        log.info("model.followed", model=model.spec.name)
                    model.trouble = None
            for model in self.all():
                due_ms, name = model.due_ms(), model.spec.name
                if due_ms is not None and due_ms <= self._parts.now_ms() and not self._is_wanted(name):
                    self.want(name, SCHEDULE, "it was due")
            await asyncio.sleep(TICK_S)

    def _is_wanted(self, name: str) -> bool:
        return name in self._wanted or (self.training is not None and self.training[0] == name)

    async def _begin(self, model: Model) -> None:
        """Goes on from the version that counted before the start."""
        found = await asyncio.to_thread(model.shelf.newest_whole)
        if found is None:
            return
        if isinstance(model.keeper, BuiltIn):
            model.keeper.remember(found[1])
            return
        try:
            await asyncio.to_thread(self._take_up, model, *found)
        except ModelError as error:
            log.warning(
                "model.forgotten", model=model.spec.name, error=str(error), consequence="it is to be trained anew"
            )

    def _take_up(self, model: Model, version: Version, arrays: Arrays) -> None:
        """Raises ModelError."""
        if version.about["of"] != model.spec.of:
            kind, expression, step_s = version.about["of"]
            raise ModelError(
                f"version {version.number} is a {kind} of {expression} every {step_s:g} s: not of this model"
            )
        model.keeper.take_up(version, arrays)

    async def _train(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._wanted:
                name = next(iter(self._wanted))
                by, why = self._wanted.pop(name)
                if name in self._all:
                    await self._train_one(self._all[name], by, why)

    async def _train_one(self, model: Model, by: str, why: str) -> None:
        name, began_ms = model.spec.name, self._parts.now_ms()
        self.training = name, began_ms
        try:
            made = await model.keeper.train(self._parts.workshop, began_ms)
            if self._all.get(name) is not model:
                return  # it was removed or changed meanwhile
            await self._take(model, made, by, why, began_ms)
        except (TrainingFailed, ModelError, OSError) as error:
            self._note_failure(model, str(error))
        except Exception as error:  # noqa: BLE001 - a training that fails must not stop those of others
            self._note_failure(model, f"{type(error).__name__}: {error}"[:300])
        finally:
            self.training = None

    async def _take(self, model: Model, made: Made, by: str, why: str, began_ms: int) -> None:
        now_ms = self._parts.now_ms()
        of = {"of": model.spec.of}
        if isinstance(model.keeper, BuiltIn):  # what it has learned as samples came must be there to go back to
            before = await asyncio.to_thread(model.keeper.as_it_is, now_ms)
            await asyncio.to_thread(model.shelf.add, before.arrays, by, BEFORE, now_ms, before.about | of)
        took_s = (now_ms - began_ms) / 1000
        about = made.about | {"took_s": took_s, "cpu_s": round(made.cpu_s, 2)} | of
        version = await asyncio.to_thread(model.shelf.add, made.arrays, by, why, now_ms, about)
        await asyncio.to_thread(model.keeper.take_up, version, made.arrays)
        model.failed = None
        self._parts.meters.trained(model.spec.name, made.cpu_s)
        log.info("model.trained", model=model.spec.name, version=version.number, seconds=round(took_s, 1))

    def _note_failure(self, model: Model, reason: str) -> None:
        model.failed = self._parts.now_ms(), reason
        self._parts.meters.failed(model.spec.name)
        log.warning("model.not_trained", model=model.spec.name, error=reason)

    def _model(self, spec: Spec, key: str) -> Model:
        parts = self._parts
        elsewhere = None
        if spec.url:

            def count(result: str) -> None:
                parts.meters.asked(spec.name, result)

            elsewhere = Elsewhere(spec.name, spec.url, key, parts.http, count, lambda: parts.now_ms() / 1000)
        keeper: Keeper = (
            DetectorKeeper(spec, parts.engine, parts.ledger, elsewhere)
            if spec.kind == "detector"
            else ForecasterKeeper(spec, parts.engine, elsewhere)
        )
        return Model(spec, keeper, self._shelf(spec.name), elsewhere)

    def _shelf(self, name: str) -> Shelf:
        return Shelf(self._parts.folder / name, self._parts.versions, self._parts.most_bytes)
