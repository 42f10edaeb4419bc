"""Secrets that options name: in a file, in a variable of the environment, or as they are. None is ever shown.

An option `password` stands beside `password_file` and `password_env`; at most one of them says it.
"""

import os
import ssl
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pydantic import BaseModel, SecretStr

LARGEST_BYTES: Final = 64 << 10


class NoSecret(Exception):
    """A secret cannot be had; for people, who learn where it was looked for."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a secret is."""

    given: SecretStr | None = field(default=None, repr=False)
    file: Path | None = None
    variable: str | None = None

    @classmethod
    def of(cls, options: BaseModel, name: str) -> "Source":
        """What some options say of the secret `name`."""
        given, file, variable = (getattr(options, f"{name}{end}", None) for end in ("", "_file", "_env"))
        return cls(given, file, variable)

    def __bool__(self) -> bool:
        return any(one is not None for one in (self.given, self.file, self.variable))

    def read(self, environment: Mapping[str, str] = os.environ) -> str | None:
        """The secret as it is now, without the end of its line; None where no option names it. Raises NoSecret."""
        if self.given is not None:
            return self.given.get_secret_value()
        if self.variable is not None:
            if self.variable not in environment:
                raise NoSecret(f"there is no variable {self.variable} in the environment")
            return environment[self.variable].strip("\r\n")
        return None if self.file is None else _content_of(self.file)

    def __str__(self) -> str:
        return str(self.file or self.variable or "the secret")


def differ(options: BaseModel, *names: str) -> None:
    """Raises ValueError where a secret is told in more than one way."""
    for name in names:
        ways = [f"{name}{end}" for end in ("", "_file", "_env") if getattr(options, f"{name}{end}", None) is not None]
        if len(ways) > 1:
            raise ValueError(f"takes either {' or '.join(ways)}")


def load_pair(context: ssl.SSLContext, cert: Source, key: Source) -> None:
    """Has TLS show a certificate. What is in no file passes through one that nobody else can read, for a moment.

    Raises OSError, NoSecret.
    """
    if cert.file is not None and key.file is not None:
        context.load_cert_chain(cert.file, key.file)
        return
    with tempfile.TemporaryDirectory(prefix="netmon-") as folder:  # mode 0700
        pair = Path(folder) / "pair.pem"
        pair.write_text(f"{cert.read()}\n{key.read()}\n", encoding="utf-8")
        context.load_cert_chain(pair)


def _content_of(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            content = opened.read(LARGEST_BYTES + 1)
        if len(content) > LARGEST_BYTES:
            raise NoSecret(f"{file} is no secret: it has more than {LARGEST_BYTES >> 10} KiB")
        return content.decode("utf-8").strip("\r\n")
    except OSError as error:
        raise NoSecret(f"{file} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise NoSecret(f"{file} is not UTF-8 text") from None
