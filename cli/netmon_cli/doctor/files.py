"""Whether configuration files can be used, and secrets in them stay with their owner."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from shlex import quote

from netmon_cli.choices import Kind
from netmon_cli.config import model_of
from netmon_cli.doctor.base import Finding, ok, problem, warning
from netmon_cli.failure import Failure
from netmon_configs.load import ConfigError, load


@dataclass(frozen=True, slots=True)
class ConfigCheck:
    """A daemon's file; one that isn't there is no mistake, all options have defaults."""

    path: Path
    kind: Kind
    matter: str = "configuration"

    def examine(self) -> Iterable[Finding]:
        if not self.path.exists():
            return
        try:
            load(self.path, model_of(self.kind))
        except ConfigError as error:
            for mistake in error.mistakes:
                yield problem(str(mistake), f"netmon config check {quote(str(self.path))}")
        except Failure as failure:
            yield warning(f"{self.path} can't be checked: {str(failure).splitlines()[0]}")
        else:
            yield ok(f"{self.path} is fine")


@dataclass(frozen=True, slots=True)
class SecretFileCheck:
    """A file with a token in it."""

    path: Path
    matter: str = "secrets"

    def examine(self) -> Iterable[Finding]:
        if not self.path.exists():
            return
        if self.path.stat().st_mode & 0o077:
            yield problem(f"{self.path} can be read by other users", f"chmod 600 {quote(str(self.path))}")
        else:
            yield ok(f"{self.path} is its owner's alone")
