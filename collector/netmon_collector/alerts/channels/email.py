"""Tells people by mail (RFC 5321 and 5322): text and HTML in one, all of a group in one thread."""

import ssl
from dataclasses import dataclass
from email.errors import HeaderParseError
from email.message import EmailMessage
from email.policy import SMTP as MAIL
from email.utils import formatdate, getaddresses
from typing import Final

import aiosmtplib
from pydantic import Field

from netmon_collector.alerts.channel import Message, NotDelivered
from netmon_collector.alerts.channels.base import (
    ChannelOptions,
    Surroundings,
    TlsConfig,
    cut,
    needed,
    secret_of,
)
from netmon_collector.alerts.texts.library import Written, write
from netmon_configs.mistakes import ConfigError, Mistake
from netmon_configs.options import FilePath, split_address
from netmon_configs.secrets import Secret

TIMEOUT_S: Final = 20.0
LONGEST_HEADER: Final = 250
IMPLICIT_TLS_PORT: Final = 465
TOLD_CHARACTERS: Final = 300


class EmailOptions(ChannelOptions):
    """A mail to addresses, through a server. `require_tls` asks for STARTTLS, and sends nothing without; port 465, or
    `force_implicit_tls`, speaks TLS from the start."""

    to: str = Field(min_length=1)
    sender: str | None = Field(default=None, alias="from")
    smarthost: str | None = None
    hello: str | None = None
    auth_username: str | None = None
    auth_password: Secret | None = None
    auth_password_file: FilePath | None = None
    require_tls: bool | None = None
    force_implicit_tls: bool | None = None
    tls_config: TlsConfig = Field(default_factory=TlsConfig)
    headers: dict[str, str] = Field(default_factory=dict)
    text: str = '{{ template "email.default.text" . }}'
    html: str = '{{ template "email.default.html" . }}'

    def open(self, surroundings: Surroundings) -> "Email":
        defaults, texts = surroundings.defaults, surroundings.texts
        smarthost = needed(self.smarthost or defaults.smtp_smarthost, "smarthost", "smtp_smarthost")
        try:
            host, port = split_address(smarthost)
        except ValueError as error:
            raise ConfigError([Mistake("alerting", 0, "smarthost", str(error))]) from None
        headers = {name.title(): text for name, text in self.headers.items()}
        headers.setdefault("Subject", '{{ template "email.default.subject" . }}')
        implicit = port == IMPLICIT_TLS_PORT if self.force_implicit_tls is None else self.force_implicit_tls
        require_tls = defaults.smtp_require_tls if self.require_tls is None else self.require_tls
        server = MailServer(
            host,
            port,
            self.hello or defaults.smtp_hello,
            self.auth_username or defaults.smtp_auth_username,
            secret_of(
                (self.auth_password, self.auth_password_file),
                (defaults.smtp_auth_password, defaults.smtp_auth_password_file),
            ),
            implicit,
            require_tls and not implicit,
            self.tls_config.context(),
        )
        return Email(
            server,
            texts.text(self.to, "to"),
            texts.text(needed(self.sender or defaults.smtp_from, "from", "smtp_from"), "from"),
            {name: texts.text(text, f"headers.{name}") for name, text in headers.items()},
            texts.text(self.text, "text"),
            texts.text(self.html, "html", html=True) if self.html else None,
        )


@dataclass(frozen=True, slots=True)
class MailServer:
    """A server that takes mail, and how to speak to it."""

    host: str
    port: int
    hello: str
    username: str | None
    password: str | None
    implicit_tls: bool
    start_tls: bool
    context: ssl.SSLContext

    async def take(self, mail: EmailMessage, sender: str, recipients: list[str]) -> None:
        """Hands a mail over. Raises NotDelivered."""
        client = aiosmtplib.SMTP(
            hostname=self.host,
            port=self.port,
            local_hostname=self.hello,
            timeout=TIMEOUT_S,
            use_tls=self.implicit_tls,
            start_tls=self.start_tls,
            tls_context=self.context,
            username=self.username,
            password=self.password,
        )
        try:
            async with client:
                await client.sendmail(sender, recipients, mail.as_bytes())
        except aiosmtplib.SMTPRecipientsRefused as error:
            whom = "; ".join(f"{one.recipient}: {one.code} {one.message}" for one in error.recipients)
            permanent = all(one.code >= 500 for one in error.recipients)
            raise NotDelivered(cut(f"{self.host} refuses {whom}", TOLD_CHARACTERS), permanent=permanent) from None
        except aiosmtplib.SMTPResponseException as error:
            told = cut(f"{self.host} answered {error.code}: {error.message}", TOLD_CHARACTERS)
            raise NotDelivered(told, permanent=error.code >= 500) from None
        except (aiosmtplib.SMTPException, OSError) as error:
            raise NotDelivered(cut(f"{self.host}: {error}", TOLD_CHARACTERS)) from None


class Email:
    """See channel.Channel. The reference is the Message-ID of the first mail about a group."""

    def __init__(
        self,
        server: MailServer,
        to: Written,
        sender: Written,
        headers: dict[str, Written],
        text: Written,
        html: Written | None,
    ) -> None:
        self._server = server
        self._texts = {"To": to, "From": sender, **headers}
        self._bodies = {"text": text} | ({"html": html} if html else {})

    async def send(self, message: Message) -> str:
        headers = await write(message, **self._texts)
        bodies = await write(message, **self._bodies)
        try:
            mail = _composed(headers, bodies)
        except (ValueError, HeaderParseError) as error:
            raise NotDelivered(f"the mail's header is wrong: {error}", permanent=True) from None
        sender = _addresses(headers["From"])
        recipients = [one for name in ("To", "Cc", "Bcc") for one in _addresses(headers.get(name, ""))]
        if not sender or not recipients:
            raise NotDelivered("there is no address in 'to' or 'from'", permanent=True)
        news = message.notification
        own_id = f"<{news.key}@{sender[0].rpartition('@')[2]}>"
        mail["Message-ID"] = own_id
        mail["Date"] = formatdate(news.at_ms / 1000)
        mail["Auto-Submitted"] = "auto-generated"
        if message.reference:
            mail["In-Reply-To"] = mail["References"] = message.reference
        await self._server.take(mail, sender[0], recipients)
        return message.reference or own_id

    async def close(self) -> None:
        """Each mail has a connection of its own."""


def _composed(headers: dict[str, str], bodies: dict[str, str]) -> EmailMessage:
    mail = EmailMessage(policy=MAIL)
    for name, text in headers.items():
        if name != "Bcc" and text.strip():
            mail[name] = cut(" ".join(text.split()), 4000 if name == "To" else LONGEST_HEADER)
    mail.set_content(bodies["text"])
    if "html" in bodies:
        mail.add_alternative(bodies["html"], subtype="html")
    return mail


def _addresses(text: str) -> list[str]:
    return [address for _, address in getaddresses([text]) if "@" in address]
