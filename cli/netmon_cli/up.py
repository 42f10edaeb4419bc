"""`netmon up`: a collector and an agent for this machine, as two processes that start and end together."""

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from netmon_cli.access import find_access, save_access, saved_path
from netmon_cli.claim import Claim
from netmon_cli.client import Client
from netmon_cli.failure import Exit, Failure
from netmon_cli.handover import Kind, command, configured, frugal_environment, hand_over, overrides
from netmon_cli.output import write_lines
from netmon_cli.ready import Ready
from netmon_cli.sight import sight
from netmon_configs.mistakes import ConfigError
from netmon_configs.options import Options
from netmon_proto import __version__

START_S = 60.0
STOP_S = 15.0
LOOK_EVERY_S = 0.2
STEADY_S = 60.0
BACKOFF_MOST_S = 60.0


class _Told(Exception):
    """SIGINT or SIGTERM came."""


@dataclass(slots=True)
class _Child:
    """A daemon that is kept running."""

    name: Kind
    config: Options
    process: subprocess.Popen[bytes]
    started_s: float
    failures: int = 0
    again_s: float | None = None


@dataclass(slots=True)
class Household:
    """The daemons of this machine. They end when this process does, however it ends: they read from a pipe of it."""

    children: list[_Child] = field(default_factory=list)
    _life: tuple[int, int] = field(default_factory=os.pipe)

    def start(self, name: Kind, config: Options, inherit: Mapping[str, int] | None = None) -> _Child:
        """Starts a daemon; `inherit` names file descriptors that it gets through the environment."""
        child = _Child(name, config, self._spawn(name, config, inherit or {}), time.monotonic())
        self.children.append(child)
        return child

    def look(self, now_s: float) -> None:
        """Starts again what has ended."""
        for child in self.children:
            code = child.process.poll()
            if code is None:
                continue
            if child.again_s is None:
                child.failures = 0 if now_s - child.started_s > STEADY_S else child.failures + 1
                pause_s = min(BACKOFF_MOST_S, 2.0**child.failures)
                child.again_s = now_s + pause_s
                _complain(f"the {child.name} has ended ({_how(code)}); starting it again in {pause_s:.0f} s")
            elif now_s >= child.again_s:
                child.process, child.started_s, child.again_s = self._spawn(child.name, child.config, {}), now_s, None

    def stop(self) -> None:
        """Ends all, the agent first, so that the collector still gets what it has."""
        for child in reversed(self.children):
            if child.process.poll() is None:
                child.process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.process.wait(STOP_S)
        for child in self.children:
            if child.process.poll() is None:
                _complain(f"the {child.name} did not end within {STOP_S:.0f} s and was killed")
                child.process.kill()
                child.process.wait()

    def _spawn(self, name: Kind, config: Options, inherit: Mapping[str, int]) -> subprocess.Popen[bytes]:
        descriptors = {"NETMON_PARENT_FD": self._life[0], **inherit}
        settings = hand_over(config)
        try:
            return subprocess.Popen(
                command(name, settings),
                env=frugal_environment() | {variable: str(number) for variable, number in descriptors.items()},
                pass_fds=[settings, *descriptors.values()],
                stdin=subprocess.DEVNULL,
            )
        finally:
            os.close(settings)


def standard_state(environment: Mapping[str, str]) -> Path:
    """Where state is kept for this user (XDG base directory specification)."""
    base = environment.get("XDG_STATE_HOME")
    return (Path(base) if base else Path.home() / ".local" / "state") / "netmon"


def up(
    state: Path,
    http: str | None,
    grpc: str | None,
    agent_config: Path | None,
    collector_config: Path | None,
    log_level: str,
    environment: Mapping[str, str],
) -> Exit:
    """Runs both daemons until Ctrl-C; says where they listen and what they see. Raises Failure."""
    state = state.expanduser().absolute()
    started_s = time.monotonic()
    given = overrides(state / "collector", log_level, http={"listen": http}, grpc={"listen": grpc})
    collector = configured("collector", collector_config, given)
    configured("agent", agent_config, {})  # so that mistakes are told before anything starts
    with Claim(state, "up"), _told_by_signals():
        household = Household()
        try:
            ready = _start_collector(household, collector)
            given = overrides(state / "agent", log_level, collector={"address": ready.local})
            household.start("agent", configured("agent", agent_config, given))
            client = _introduce(ready, state, environment)
            _watch(household, client, started_s)
        except _Told:
            write_lines(["", "stopping"])
        finally:
            with contextlib.suppress(_Told):
                household.stop()
    return Exit.FINE


def _start_collector(household: Household, config: Options) -> Ready:
    told, tells = os.pipe()
    child = household.start("collector", config, {"NETMON_READY_FD": tells})
    os.close(tells)
    with open(told, "rb") as pipe:  # noqa: PTH123 - a pipe has no path
        readable, _, _ = select.select([pipe], [], [], START_S)
        said = pipe.read() if readable else b""
    if said:
        return Ready(**json.loads(said))
    if not readable:
        raise Failure(Exit.WRONG, f"the collector was not ready within {START_S:.0f} s.")
    household.children.remove(child)
    code = child.process.wait()  # it has said why on standard error
    raise SystemExit(code if code > 0 else int(Exit.WRONG))


def _introduce(ready: Ready, state: Path, environment: Mapping[str, str]) -> Client | None:
    """Says where what is; a client for the API where there is a token."""
    lines = [
        f"netmon {__version__} is up; Ctrl-C stops it",
        f"  API        {ready.http}",
        f"  agents     {ready.grpc}",
        f"  state      {state}",
    ]
    if ready.api_token:
        lines.append(f"  token      {ready.api_token}   (shown this once)")
        lines.append(_save(ready.http, ready.api_token, environment))
    if ready.join_token:
        lines.append(f"  join token {ready.join_token}   (shown this once; agents on other hosts need it)")
    write_lines(lines)
    try:
        access = find_access(ready.http, None, {**environment, "NETMON_TOKEN": ready.api_token or ""})
    except (Failure, ConfigError):
        return None
    return Client(access, timeout_s=2.0) if access.token else None


def _save(url: str, token: str, environment: Mapping[str, str]) -> str:
    """Logs this user in, unless another collector is the one that the user works with."""
    path = saved_path(environment)
    try:
        if path.exists() and find_access(None, None, {"XDG_CONFIG_HOME": str(path.parents[1])}).url != url:
            return f"             {path} is for another collector; to use this one: netmon login --url {url}"
        return f"             saved in {save_access(url, token, environment)}: netmon status works at once"
    except (OSError, Failure, ConfigError) as error:
        return f"             could not be saved ({error}); to use it: export NETMON_TOKEN=…"


def _watch(household: Household, client: Client | None, started_s: float) -> None:
    """Keeps both running; tells once what the first data say."""
    waiting = client
    while True:
        now_s = time.monotonic()
        household.look(now_s)
        if waiting is not None and (seen := sight(waiting)):
            write_lines(["", f"first data after {now_s - started_s:.1f} s", *seen])
            waiting = None
        time.sleep(LOOK_EVERY_S)


@contextlib.contextmanager
def _told_by_signals() -> Iterator[None]:
    def tell(*_: object) -> None:
        raise _Told

    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, tell) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def _how(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"


def _complain(text: str) -> None:
    sys.stderr.write(f"netmon: {text}\n")
    sys.stderr.flush()
