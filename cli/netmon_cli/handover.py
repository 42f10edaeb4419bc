"""A checked configuration on its way from the command line to the daemon that it becomes.

The command line reads YAML, checks it and words what is wrong with it. A daemon gets the finished model through an
unnamed file: an agent then never loads what that took, which saves it several megabytes.
"""

import os
import pickle
import sys
import tempfile
from pathlib import Path
from typing import Any, Literal, NoReturn, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from netmon_cli.failure import Exit, Failure
from netmon_configs.load import load
from netmon_configs.options import Options

C = TypeVar("C", bound=Options)
Kind = Literal["agent", "collector"]

CONFIG_FOLDER = Path("/etc/netmon")


def configured(kind: Kind, path: Path | None, overrides: dict[str, Any]) -> Options:
    """A daemon's configuration: from a file, without one from its standard place, or else all defaults.

    `overrides` come from the command line; blocks are merged. Raises ConfigError, Failure.
    """
    if kind == "agent":
        from netmon_agent.config import AgentConfig

        return _merged(AgentConfig, path or _standard("agent.yaml"), overrides)
    from netmon_cli.doctor.packages import PackagesCheck
    from netmon_collector.config import CollectorConfig

    if missing := PackagesCheck().missing("collector"):
        text = f"a collector needs what is not installed here: {', '.join(missing)}."
        raise Failure(Exit.WRONG, text, "Install it with: pip install 'netmon[collector]'")
    return _merged(CollectorConfig, path or _standard("collector.yaml"), overrides)


def overrides(state: Path | None, log_level: str | None, **blocks: dict[str, str | None]) -> dict[str, Any]:
    """What the command line says, in the shape of a configuration file; None says nothing."""
    given: dict[str, Any] = {"state": state} if state else {}
    blocks["log"] = {"level": log_level}
    for name, block in blocks.items():
        if said := {option: value for option, value in block.items() if value is not None}:
            given[name] = said
    return given


def hand_over(config: Options) -> int:
    """Puts a configuration into a file without a name; its descriptor, to be inherited by the daemon."""
    with tempfile.TemporaryFile() as file:
        file.write(pickle.dumps(config))
        file.flush()
        descriptor = os.dup(file.fileno())
    os.lseek(descriptor, 0, os.SEEK_SET)
    os.set_inheritable(descriptor, True)
    return descriptor


def command(kind: Kind, descriptor: int) -> list[str]:
    """What starts the daemon with such a configuration."""
    return [sys.executable, "-m", "netmon_cli.daemon", kind, str(descriptor)]


def frugal_environment() -> dict[str, str]:
    """That of this process, with what keeps a daemon small. What is set already stays.

    glibc gives each thread memory that others cannot use once it is free: mallopt(3). A lower bound for what gets pages
    of its own would keep less still, and take twice the time for arrays of some megabytes. Threads of OpenBLAS spin
    while they wait for each other: matrices as small as ours are done no sooner by two, for twice the processor time.
    """
    return {"MALLOC_ARENA_MAX": "2", "OPENBLAS_NUM_THREADS": "1"} | os.environ


def become(kind: Kind, path: Path | None, overrides: dict[str, Any]) -> NoReturn:
    """Goes on as the daemon. Raises ConfigError, Failure."""
    words = command(kind, hand_over(configured(kind, path, overrides)))
    os.execve(words[0], words, frugal_environment())  # noqa: S606 - no shell wanted


def _standard(name: str) -> Path | None:
    path = CONFIG_FOLDER / name
    return path if path.exists() else None


def _merged(model: type[C], path: Path | None, overrides: dict[str, Any]) -> C:
    config = load(path, model) if path else model()
    given: dict[str, Any] = config.model_dump(exclude_unset=True, by_alias=True)
    for name, value in overrides.items():
        given[name] = given.get(name, {}) | value if isinstance(value, dict) else value
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise Failure(Exit.USAGE, "; ".join(_plain(one) for one in error.errors(include_url=False))) from None


def _plain(error: ErrorDetails) -> str:
    place = ".".join(str(step) for step in error["loc"])
    return f"{place}: {error['msg'].removeprefix('Value error, ')}"
