"""Work that is done again and again, and told about once when it fails and once when it works again."""

import asyncio
from collections.abc import Awaitable, Callable


async def keep_at(
    look: Callable[[], Awaitable[object]],
    every_s: float,
    *,
    failing: Callable[[str], None],
    recovered: Callable[[], None],
) -> None:
    """Looks until cancelled; a failure ends nothing else."""
    broken = False
    while True:
        try:
            await look()
        except Exception as error:  # noqa: BLE001 - what fails at one time must not end the collector
            if not broken:
                failing(f"{type(error).__name__}: {error}"[:200])
            broken = True
        else:
            if broken:
                recovered()
            broken = False
        await asyncio.sleep(every_s)
