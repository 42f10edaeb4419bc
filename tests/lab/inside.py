"""Runs what the test itself does on a node of the lab: a thread of its own moves into the node's namespace."""

import asyncio
import ctypes
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")
_CLONE_NEWNET = 0x40000000


def run_inside(namespace: str, work: Callable[[], Coroutine[Any, Any, T]], timeout_s: float = 60) -> T:
    """What a coroutine gives, when all of its sockets are opened in a namespace."""

    def move_and_run() -> T:
        libc = ctypes.CDLL(None, use_errno=True)
        with open(f"/run/netns/{namespace}") as opened:  # noqa: PTH123 - a descriptor is wanted
            if libc.setns(opened.fileno(), _CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), f"cannot enter {namespace}")
        return asyncio.run(work())

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(move_and_run).result(timeout=timeout_s)
