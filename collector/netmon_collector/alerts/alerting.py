"""All of alerting that comes after who raises alerts, put together, and put together again when its file changes."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Final
from uuid import uuid4

from prometheus_client import CollectorRegistry
from sqlalchemy import Engine

from netmon_collector.alerts.channels.base import Surroundings
from netmon_collector.alerts.channels.http import Guard, Http
from netmon_collector.alerts.configuration import AlertingFile, load_alerting
from netmon_collector.alerts.decision import Decisions, Endpoint
from netmon_collector.alerts.delivery import Delivery
from netmon_collector.alerts.groups import Groups
from netmon_collector.alerts.incident import Incident
from netmon_collector.alerts.incidents import Incidents
from netmon_collector.alerts.inhibition import Inhibitor
from netmon_collector.alerts.kinship import Kinship, Unknown
from netmon_collector.alerts.kinship import Surroundings as Network
from netmon_collector.alerts.maintenance import Maintenance, Window, check_window
from netmon_collector.alerts.notifier import Notifier
from netmon_collector.alerts.overrides import NoOverride, OnCallOverride, Overrides
from netmon_collector.alerts.schedule import Schedule
from netmon_collector.alerts.silences import Silence, Silences
from netmon_collector.alerts.texts.library import Written
from netmon_collector.config import AlertingOptions
from netmon_collector.state.alerts import AlertBook
from netmon_collector.state.incidents import IncidentBook
from netmon_collector.state.maintenance import KeptWindows
from netmon_collector.state.outbox import Outbox
from netmon_collector.state.overrides import OverrideBook
from netmon_configs.load import ConfigError
from netmon_configs.logs import EventLog
from netmon_configs.wording import did_you_mean

LOOK_S: Final = 5.0
SETTLES_S: Final = 1.0
KEPT_MS: Final = 5 * 86_400_000
"""How long it can be seen what was told, and which silences there were."""
INCIDENTS_KEPT_MS: Final = 30 * 86_400_000
"""How long an incident can be seen after it was closed, and who stood in is told of the end of what they were told."""
HOUSEKEEPING_S: Final = 3600.0

log = EventLog("netmon.alerting")


class Alerting:
    """`notifier` is what alerts are handed to; `file` is the configuration that holds now."""

    def __init__(
        self,
        state: Engine,
        options: AlertingOptions,
        *,
        now_ms: Callable[[], int],
        believed_ms: Callable[[], int] | None = None,
        random: Random,
        network: Network | None = None,
        site_of: Callable[[str], str] = lambda _: "",
        registry: CollectorRegistry | None = None,
    ) -> None:
        """network: what is known of what stands between devices. site_of: where a device is, by its instance.
        believed_ms: the time by which what is old is forgotten.

        Raises ConfigError where the file is wrong.
        """
        self._network = network or Unknown()
        self._path = options.config_file
        self._folder = options.config_file.parent if options.config_file else Path()
        self._now_ms = now_ms
        self._believed_ms = believed_ms or now_ms
        self._surroundings = Surroundings(Http(Guard(options.allow_addresses)))
        self._stamp = _stamp(self._path)
        self.url = options.url.rstrip("/")
        self.file = load_alerting(self._path)
        self.book = AlertBook(state)
        self.outbox = Outbox(state)
        self.silences = Silences(self.book.silences())
        self._incident_book = IncidentBook(state)
        self.incidents = Incidents(self._incident_book.all())
        self._windows = KeptWindows(state)
        self.maintenance = Maintenance({window.id: window for window in self._windows.all()}, site_of)
        self._override_book = OverrideBook(state)
        self.overrides = Overrides(self._override_book.all())
        self.delivery = Delivery(
            self.outbox,
            self.file.open(self._surroundings, self._folder),
            url=self.url,
            now_ms=now_ms,
            random=random,
            cause_of=self.incidents.probable_cause,
            registry=registry,
        )
        groups, decisions = self._parts()
        self.notifier = Notifier(groups, decisions, self.book, self.outbox, self.delivery.post, now_ms)

    async def run(self) -> None:
        """Until cancelled."""
        self.notifier.load()
        self.delivery.load()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.delivery.run())
            tasks.create_task(self.notifier.run())
            tasks.create_task(self._watch())
            tasks.create_task(self._keep_house())

    async def close(self) -> None:
        """Ends connections that channels share."""
        await self._surroundings.http.close()

    def texts_of(self, receiver: str) -> dict[Endpoint, dict[str, Written]]:
        """The texts of a receiver's channels, by their options; reads files. Raises ConfigError."""
        return self.file.texts(receiver, self._surroundings, self._folder)

    def reload(self) -> None:
        """Goes on by the file as it is now. Raises ConfigError where it is wrong; all goes on as before then."""
        file = load_alerting(self._path)
        ways = file.open(self._surroundings, self._folder)
        self.file = file
        self.delivery.use(ways)
        self.notifier.use(*self._parts())

    async def silence(self, wanted: Silence) -> Silence:
        """Makes or changes a silence, which counts once it is on disk. Raises NoSilence, and SQLAlchemyError."""
        changed = self.silences.plan(wanted, str(uuid4()), self._now_ms())
        await self._keep_silences(changed)
        return changed[-1]

    async def end_silence(self, silence_id: str) -> None:
        """Ends a silence now. Raises NoSilence, and SQLAlchemyError."""
        await self._keep_silences([self.silences.end(silence_id, self._now_ms())])

    async def maintain(self, window: Window) -> None:
        """Makes or changes a window of maintenance, which counts once it is on disk. Raises NoWindow, and
        SQLAlchemyError."""
        check_window(window)
        await asyncio.to_thread(self._windows.keep, window)
        self.maintenance.keep(window)

    async def forget_window(self, window_id: str) -> None:
        """Drops a window as if it had never been. Raises SQLAlchemyError."""
        await asyncio.to_thread(self._windows.drop, window_id)
        self.maintenance.forget(window_id)

    def schedules(self) -> list[Schedule]:
        """The schedules of the file, with the overrides that people made."""
        return [self.overrides.applied(one, self.file.endpoints()) for one in self.file.rotas()]

    async def stand_in(self, wanted: OnCallOverride) -> None:
        """Makes an override, which counts once it is on disk. Raises NoOverride, and SQLAlchemyError."""
        for what, name, known in (
            ("schedule", wanted.schedule, [one.name for one in self.file.schedules]),
            ("receiver without 'on_call'", wanted.receiver, sorted(self.file.people())),
        ):
            if name not in known:
                raise NoOverride(f"there is no {what} '{name}'{did_you_mean(name, known)}")
        self.overrides.check(wanted, self._now_ms())
        await self._keep_override(wanted)

    async def end_override(self, override_id: str) -> OnCallOverride:
        """Ends an override now. Raises KeyError where there is none, and SQLAlchemyError."""
        ended = self.overrides.ended(override_id, self._now_ms())
        await self._keep_override(ended)
        return ended

    async def change_incident(self, number: int, change: Callable[[Incident], Incident]) -> Incident:
        """Has a person's word on an incident count once it is on disk. Raises KeyError where there is no such incident,
        NotOpen where it is over, and SQLAlchemyError."""
        async with self.incidents.lock:
            changed = change(self.incidents.all()[number])
            await asyncio.to_thread(self._incident_book.keep, [changed])
            self.incidents.keep([changed])
        return changed

    async def _keep_silences(self, changed: Sequence[Silence]) -> None:
        await asyncio.to_thread(self.book.keep_silences, changed)
        self.silences.keep(changed)

    async def _keep_override(self, one: OnCallOverride) -> None:
        await asyncio.to_thread(self._override_book.keep, one)
        self.overrides.keep(one)

    def _parts(self) -> tuple[Groups, Decisions]:
        file: AlertingFile = self.file
        decisions = Decisions(
            self.silences,
            Inhibitor(file.rules()),
            file.calendar(),
            file.endpoints(),
            self.maintenance,
            self.incidents,
            file.chains(),
            file.on_call(),
            Kinship(self._network),
            file.policies(),
            self.overrides,
        )
        return Groups(file.tree()), decisions

    async def _watch(self) -> None:
        """Goes by the file when it has changed, and says so once where that cannot be."""
        while True:
            await asyncio.sleep(LOOK_S)
            stamp = await asyncio.to_thread(_stamp, self._path)
            if stamp == self._stamp:
                continue
            await asyncio.sleep(SETTLES_S)
            if stamp != await asyncio.to_thread(_stamp, self._path):  # it is still written
                continue
            self._stamp = stamp
            try:
                self.reload()
            except ConfigError as error:
                log.warning("alerting.file_wrong", error=str(error))
            else:
                log.info("alerting.file_read", path=self._path)

    async def _keep_house(self) -> None:
        while True:
            now_ms = self._believed_ms()
            before_ms = now_ms - KEPT_MS
            await asyncio.to_thread(self.outbox.forget_before, before_ms, self.incidents.open_groups())
            await asyncio.to_thread(self.book.drop_silences, self.silences.forget_before(before_ms))
            await asyncio.to_thread(self._override_book.drop, self.overrides.forget_before(now_ms - INCIDENTS_KEPT_MS))
            async with self.incidents.lock:
                await asyncio.to_thread(
                    self._incident_book.drop, self.incidents.forget_before(now_ms - INCIDENTS_KEPT_MS)
                )
            await asyncio.sleep(HOUSEKEEPING_S)


def _stamp(path: Path | None) -> tuple[int, int] | None:
    """What changes when the file does."""
    try:
        found = path.stat() if path else None
    except OSError:
        return None
    return (found.st_mtime_ns, found.st_size) if found else None
