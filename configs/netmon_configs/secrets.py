"""Secrets that options name: in a file, in a variable of the environment, or as they are. None is ever shown.

An option `password` stands beside `password_file` and `password_env`; at most one of them says it.
"""

import base64
import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, SecretStr

from netmon_configs.options import is_loopback

LARGEST_BYTES: Final = 64 << 10


def _of_environment(value: object) -> object:
    """The variable that `{env: NAME}` names; anything else stays as it is."""
    if not isinstance(value, dict) or value.keys() != {"env"}:
        return value
    name = str(value["env"])
    if name not in os.environ:
        raise ValueError(f"there is no variable {name[:100]} in the environment")
    return os.environ[name].strip("\r\n")


Secret = Annotated[SecretStr, BeforeValidator(_of_environment)]
"""A secret as it is, or `{env: NAME}` for a variable of the environment, which is read with the file."""


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


def has_authorization(options: BaseModel, url: str) -> bool:
    """Whether a web server is told who asks: by user and password, or by token.

    Raises ValueError where that is said in a way that cannot be, or would go in the clear.
    """
    differ(options, "password", "token")
    user, has_token = getattr(options, "user", None), bool(Source.of(options, "token"))
    if (user is None) == bool(Source.of(options, "password")):
        raise ValueError("needs user and password_file together")
    if user is not None and has_token:
        raise ValueError("takes either user and password_file, or token_file")
    parts = urlsplit(url)
    if (user or has_token) and parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        raise ValueError("needs https: a password or token goes over plain http to this machine only")
    return bool(user or has_token)


def authorization_of(options: BaseModel) -> dict[str, str]:
    """The header that says who asks, of secrets as they are now; nothing where no option names one. Raises NoSecret."""
    if (token := _line_of(Source.of(options, "token"))) is not None:
        return {"Authorization": f"Bearer {token}"}
    if (password := _line_of(Source.of(options, "password"))) is not None:
        pair = f"{getattr(options, 'user', '')}:{password}"
        return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
    return {}


def _line_of(source: Source) -> str | None:
    text = source.read()
    text = None if text is None else text.strip()
    if text is not None and not (text and text.isprintable()):
        raise NoSecret(f"{source} must hold one line of text")
    return text


def load_pair(context: ssl.SSLContext, cert: Source, key: Source) -> None:
    """Has TLS show a certificate. What is in no file passes through one that nobody else can read, for a moment.

    Raises OSError, NoSecret.
    """
    if cert.file is not None and key.file is not None:
        context.load_cert_chain(cert.file, key.file, _no_passphrase)
        return
    import tempfile  # half a megabyte, for who needs it

    with tempfile.TemporaryDirectory(prefix="netmon-") as folder:  # mode 0700
        pair = Path(folder) / "pair.pem"
        pair.touch(mode=0o600)
        pair.write_text(f"{cert.read()}\n{key.read()}\n", encoding="utf-8")
        context.load_cert_chain(pair, password=_no_passphrase)


def _no_passphrase() -> str:
    """Else OpenSSL asks for one on the terminal, also where a daemon starts."""
    raise NoSecret("the key has a passphrase; keep it in a file without one, which its user alone can read")


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
