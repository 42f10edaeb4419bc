"""Gives back to the system what a daemon has freed: malloc_trim(3).

The C library keeps what lies between pieces that are in use, for the next time; after many devices were got to know at
once, or a query over many series, that is a tenth of the process.
"""

import asyncio
import ctypes
import sys
from typing import Final

EVERY_S: Final = 60.0


async def give_back(every_s: float = EVERY_S) -> None:
    """Now and then until cancelled, in a thread, so that others can go on. Without glibc there is nothing to do."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    while True:
        await asyncio.sleep(every_s)
        if trim is not None:
            await asyncio.to_thread(trim, 0)
