"""What the options of a channel owe."""

from abc import abstractmethod
from dataclasses import dataclass
from pathlib import Path

from netmon_collector.alerts.channel import Channel
from netmon_collector.alerts.channels.http import Http
from netmon_configs.mistakes import ConfigError, Mistake
from netmon_configs.options import Options

LARGEST_SECRET = 64 << 10


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What channels have in common."""

    http: Http


class ChannelOptions(Options):
    """A way to tell somebody, as a receiver has it in its configuration."""

    send_resolved: bool = True

    @abstractmethod
    def open(self, surroundings: Surroundings) -> Channel:
        """The channel; nothing is sent or connected yet. Raises ConfigError where a file with a secret is missing."""


def read_secret(given: str | None, path: Path | None) -> str | None:
    """A secret as it was given, or from the file that it is in, without the line's end. Raises ConfigError."""
    if path is None:
        return given
    try:
        with path.open("rb") as file:
            return file.read(LARGEST_SECRET).decode("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not UTF-8 text"
        raise ConfigError([Mistake(str(path), 0, "", f"cannot be read: {reason}")]) from None
