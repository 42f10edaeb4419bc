"""What the options of a channel owe, and what several of them have in common."""

import ssl
from abc import abstractmethod
from base64 import b64encode
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import orjson
from pydantic import Field, SecretStr

from netmon_collector.alerts.channel import Channel, Message, NotDelivered
from netmon_collector.alerts.channels.http import Http, checked_url
from netmon_collector.alerts.texts.library import Library, shipped
from netmon_configs.mistakes import ConfigError, Mistake
from netmon_configs.options import Duration, FilePath, OptionsAsWritten
from netmon_configs.secrets import Secret

LARGEST_SECRET: Final = 64 << 10


class Globals(OptionsAsWritten):
    """What holds for all receivers that do not say otherwise, by Alertmanager's names. `resolve_timeout`: when an alert
    is over that came without an end."""

    resolve_timeout_s: Duration = Field(default=300.0, alias="resolve_timeout", gt=0)
    smtp_smarthost: str | None = None
    smtp_from: str | None = None
    smtp_hello: str = "localhost"
    smtp_auth_username: str | None = None
    smtp_auth_password: Secret | None = None
    smtp_auth_password_file: FilePath | None = None
    smtp_require_tls: bool = True
    slack_api_url: Secret | None = None
    slack_api_url_file: FilePath | None = None
    slack_app_token: Secret | None = None
    slack_app_token_file: FilePath | None = None
    slack_app_url: str = "https://slack.com/api/chat.postMessage"
    pagerduty_url: str = "https://events.pagerduty.com/v2/enqueue"
    opsgenie_api_url: str = "https://api.opsgenie.com/"
    opsgenie_api_key: Secret | None = None
    opsgenie_api_key_file: FilePath | None = None
    telegram_api_url: str = "https://api.telegram.org"
    telegram_bot_token: Secret | None = None
    telegram_bot_token_file: FilePath | None = None
    jira_api_url: str | None = None


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What channels have in common."""

    http: Http
    texts: Library = field(default_factory=lambda: Library(shipped()))
    defaults: Globals = field(default_factory=Globals)


class ChannelOptions(OptionsAsWritten):
    """A way to tell somebody, as a receiver has it in its configuration."""

    send_resolved: bool = True

    @abstractmethod
    def open(self, surroundings: Surroundings) -> Channel:
        """The channel; nothing is sent or connected yet. Raises ConfigError where a file with a secret is missing, a
        text is no template, or something is said neither here nor under `global`."""


class WebChannel:
    """A channel over the connections that all share."""

    def __init__(self, http: Http) -> None:
        self._http = http

    @abstractmethod
    async def send(self, message: Message) -> str:
        """See channel.Channel."""

    async def close(self) -> None:
        """The connections are those of all channels."""


class BasicAuth(OptionsAsWritten):
    """A name and a password for a web server (RFC 7617)."""

    username: str
    password: Secret | None = None
    password_file: FilePath | None = None


class Authorization(OptionsAsWritten):
    """What an Authorization header says."""

    type: str = "Bearer"
    credentials: Secret | None = None
    credentials_file: FilePath | None = None


class HttpConfig(OptionsAsWritten):
    """How a web server knows who asks."""

    basic_auth: BasicAuth | None = None
    authorization: Authorization | None = None

    def headers(self) -> dict[str, str]:
        """Raises ConfigError where a secret cannot be read."""
        if self.basic_auth is not None:
            password = secret_of((self.basic_auth.password, self.basic_auth.password_file)) or ""
            pair = f"{self.basic_auth.username}:{password}".encode()
            return {"Authorization": f"Basic {b64encode(pair).decode()}"}
        if self.authorization is not None:
            told = secret_of((self.authorization.credentials, self.authorization.credentials_file)) or ""
            return {"Authorization": f"{self.authorization.type} {told}"}
        return {}


class TlsConfig(OptionsAsWritten):
    """Whom to trust and who we are, in TLS."""

    ca_file: FilePath | None = None
    cert_file: FilePath | None = None
    key_file: FilePath | None = None
    insecure_skip_verify: bool = False

    def context(self) -> ssl.SSLContext:
        """Raises ConfigError where a file cannot be used."""
        try:
            context = ssl.create_default_context(cafile=self.ca_file)
            if self.cert_file is not None:
                context.load_cert_chain(self.cert_file, self.key_file)
        except (OSError, ssl.SSLError) as error:
            text = f"a file cannot be used: {error.strerror or error}"
            raise ConfigError([Mistake("alerting", 0, "tls_config", text)]) from None
        if self.insecure_skip_verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


def secret_of(*sources: tuple[SecretStr | None, Path | None]) -> str | None:
    """The first secret that is given, or in a file. Raises ConfigError."""
    for given, path in sources:
        if given is not None or path is not None:
            return read_secret(given.get_secret_value() if given else None, path)
    return None


def needed(value: str | None, name: str, default: str = "") -> str:
    """A value that a channel cannot do without. Raises ConfigError."""
    if not value:
        text = f"is needed, here or as '{default}' under 'global'" if default else "is needed"
        raise ConfigError([Mistake("alerting", 0, name, text)])
    return value


def web_url(value: str | None, name: str, default: str = "") -> str:
    """A URL that a channel cannot do without. Raises ConfigError, without the URL in its words."""
    url = needed(value, name, default)
    try:
        checked_url(url)
    except NotDelivered as error:
        raise ConfigError([Mistake("alerting", 0, name, str(error))]) from None
    return url


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


def cut(text: str, most: int) -> str:
    """The first characters of a text; an ellipsis says where there were more."""
    return text if len(text) <= most else text[: most - 1] + "…"


def cut_json(text: str, most_bytes: int) -> str:
    """The same for a text that may take so many bytes as JSON, where a line's end is two of them, and a control
    character six."""
    if len(orjson.dumps(text)) <= most_bytes:
        return text
    shortest, longest = 0, len(text)
    while shortest < longest:
        middle = (shortest + longest + 1) // 2
        if len(orjson.dumps(text[:middle] + "…")) <= most_bytes:
            shortest = middle
        else:
            longest = middle - 1
    return text[:shortest] + "…"
