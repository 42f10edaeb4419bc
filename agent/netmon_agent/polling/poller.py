"""The devices of this agent: a watch for each, and what is to be told to the collector."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

from netmon_agent.batcher import Batcher
from netmon_agent.clock import Clock
from netmon_agent.polling.asking import Approach
from netmon_agent.polling.kept import Kept
from netmon_agent.polling.newcomers import Newcomers
from netmon_agent.polling.outbox import Outbox
from netmon_agent.polling.watch import Watch
from netmon_configs.logs import EventLog
from netmon_proto.model import Job

log = EventLog("netmon.agent.polling")

MOST_JOBS: Final = 10_000
AT_ONCE: Final = 500
"""Devices asked at the same time; each takes a socket."""


class Poller:
    """Polls what is assigned. Jobs outlive restarts, so that a collector which is away changes nothing."""

    def __init__(self, kept: Kept[Job], approach: Approach, batcher: Batcher, clock: Clock, agent_id: str) -> None:
        self._kept = kept
        self._approach = approach
        self._batcher = batcher
        self._clock = clock
        self._agent_id = agent_id
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._newcomers = Newcomers()
        self._watches: dict[str, tuple[Watch, asyncio.Task[None]]] = {}
        self.outbox = Outbox()
        self._changes = asyncio.Lock()

    async def run(self) -> None:
        """Goes on with the jobs of the last run; until cancelled."""
        try:
            async with self._changes:
                if not self._watches:
                    await self._take_on(await asyncio.to_thread(self._kept.read), at_once=False)
            await self._newcomers.run()
        finally:
            tasks = [task for _, task in self._watches.values()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def assign(self, jobs: Sequence[Job]) -> None:
        """Polls these devices and no others. A job that is as before goes on; a new one is polled at once."""
        async with self._changes:
            before = {device: watch.job for device, (watch, _) in self._watches.items()}
            if before == {job.device: job for job in jobs}:
                return
            await asyncio.to_thread(self._kept.write, jobs[:MOST_JOBS])
            await self._take_on(jobs[:MOST_JOBS], at_once=True)

    def poll_now(self, devices: Sequence[str], afresh: Sequence[str] = ()) -> None:
        """Polls devices at once, and some as if for the first time; one that is being polled, once more after that."""
        for device in devices:
            if device in self._watches:
                self._watches[device][0].poll_now(is_afresh=device in afresh)

    def poll_ports(self, ports: Mapping[str, Sequence[int]]) -> None:
        """Polls some ports of devices at once, by ifIndex, and nothing else of them."""
        for device, indexes in ports.items():
            if device in self._watches:
                self._watches[device][0].poll_ports(indexes)

    async def _take_on(self, jobs: Sequence[Job], at_once: bool) -> None:
        wanted = {job.device: job for job in jobs}
        for device in [one for one, (watch, _) in self._watches.items() if wanted.get(one) != watch.job]:
            await self._drop(device, is_gone=device not in wanted)
        for device in wanted.keys() - self._watches.keys():
            self._start(wanted[device], at_once)
        self._newcomers.expect(bool(jobs))
        if jobs:
            log.info("jobs.taken", devices=len(jobs))

    def _start(self, job: Job, at_once: bool) -> None:
        seed = f"{self._agent_id} {job.device}"
        asking = self._approach(job)
        watch = Watch(job, asking, self._slots, self._newcomers, self._batcher, self._clock, self.outbox, seed)
        self._watches[job.device] = watch, asyncio.create_task(watch.run(at_once))

    async def _drop(self, device: str, is_gone: bool) -> None:
        watch, task = self._watches.pop(device)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        if is_gone:
            watch.retire()
            self.outbox.forget(device)
