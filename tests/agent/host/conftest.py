"""Machines and host inputs that let go of their files when a test is over."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from netmon_agent.inputs.host import HostInput
from tests.agent.host.recorded import lay_out
from tests.agent.host.trees import Machine


@pytest.fixture
async def machine(tmp_path: Path) -> AsyncIterator[Machine]:
    """A machine without any file."""
    machine = Machine(tmp_path)
    yield machine
    await machine.close()


@pytest.fixture
def recorded_machine(machine: Machine) -> Machine:
    """A machine with everything that tests/agent/host/recorded.py tells."""
    return lay_out(machine)


@pytest.fixture
async def this_host() -> AsyncIterator[HostInput]:
    """The machine that the tests run on, with the input's defaults."""
    host = HostInput()
    yield host
    await host.close()
