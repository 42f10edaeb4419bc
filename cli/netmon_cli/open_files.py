"""How many files this process, and what it starts, may have open."""

import sys
from contextlib import suppress


def allow_many() -> None:
    """As many as the system permits, which is mostly far more than the usual 1,024.

    A store has a file open for each day of samples and of rollups, a collector one for each agent and browser.
    """
    if sys.platform == "win32":
        return
    import resource

    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # macOS does not permit all that it tells
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
