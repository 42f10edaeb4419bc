"""Whether the collector answers, accepts the token, and agrees on what time it is."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from netmon_cli.access import find_access
from netmon_cli.client import Client
from netmon_cli.doctor.base import Finding, ok, problem, warning
from netmon_cli.failure import Exit, Failure
from netmon_cli.output import duration, escape
from netmon_configs.load import ConfigError

SKEW_S = 2.0

_COMMANDS = {
    Exit.UNREACHABLE: "netmon up",
    Exit.NOT_PERMITTED: "netmon login",
    Exit.USAGE: "netmon login",
    Exit.REFUSED: "netmon status --url URL",
}


@dataclass(frozen=True, slots=True)
class CollectorCheck:
    url: str | None
    token_file: Path | None
    environment: Mapping[str, str]
    now_s: Callable[[], float] = time.time
    matter: str = "collector"

    def examine(self) -> Iterable[Finding]:
        try:
            client = Client(find_access(self.url, self.token_file, self.environment), timeout_s=5.0)
            status = client.status()
        except Failure as failure:
            first = str(failure).splitlines()[0]
            yield problem(first, _COMMANDS.get(failure.exit_code, ""))
            return
        except ConfigError as error:
            yield problem(str(error.mistakes[0]), "netmon login")
            return
        yield ok(f"netmon {escape(status.version)} answers at {client.url}")
        skew_s = self.now_s() - status.now.timestamp()
        if abs(skew_s) > SKEW_S:
            side = "ahead of" if skew_s > 0 else "behind"
            yield warning(f"this clock is {duration(abs(skew_s))} {side} the collector's", "timedatectl")
