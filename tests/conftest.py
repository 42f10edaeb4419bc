"""In which order, by how many workers and with which signals the tests run."""

import os
import signal
from pathlib import Path

import pytest

LONG = {"crash", "stories"}
"""Folders whose files take up to a minute each: begun last, one would keep a worker busy while the others idle."""


def pytest_configure() -> None:
    """Commands that the tests interrupt heed that also where the tests are run in the background."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    items.sort(key=lambda item: item.path.relative_to(here).parts[0] not in LONG)


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are processors, since half of the time is spent waiting for daemons."""
    return (os.cpu_count() or 1) + 1
