"""The `host` input: all families of this machine in one gather."""

import asyncio
import sys
from collections.abc import Iterable
from typing import Literal

from pydantic import PrivateAttr

from netmon_agent.inputs.base import Columns, Input, Reading
from netmon_agent.inputs.host.families import families_for
from netmon_agent.inputs.host.files import Files
from netmon_agent.inputs.host.gatherer import Gatherer
from netmon_agent.inputs.host.options import HostOptions


class HostInput(HostOptions, Input):
    """Processor, memory, disks, network and everything else that node_exporter tells of a machine."""

    type: Literal["host"] = "host"

    _files: Files = PrivateAttr(default_factory=Files)
    _gatherer: Gatherer | None = PrivateAttr(default=None)

    async def gather(self, now_ms: int) -> Iterable[Columns | Reading]:
        return await asyncio.to_thread(self.read)

    async def close(self) -> None:
        if self._gatherer is not None:
            self._gatherer.close()
        self._files.close()

    def read(self) -> list[Columns]:
        """Gathers in the caller's thread; never twice at once."""
        if self._gatherer is None:
            self._gatherer = Gatherer(families_for(sys.platform, self, self._files))
        return self._gatherer.gather()
