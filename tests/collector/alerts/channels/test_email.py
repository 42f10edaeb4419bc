"""Mail, through a real server that takes it (aiosmtpd), with TLS and passwords as RFC 3207 and 4954 have them."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from netmon_collector.alerts.channel import Message, NotDelivered
from netmon_collector.alerts.channels.base import Globals
from netmon_collector.alerts.channels.email import EmailOptions
from netmon_configs.load import ConfigError
from tests.collector.alerts.channels.desk import message, surroundings

CA = trustme.CA()
CERTIFICATE = CA.issue_cert("127.0.0.1")


@dataclass
class Postbox:
    """Takes mail, or answers as it is told."""

    port: int = 0
    refusal: str = ""
    refused: dict[str, str] = field(default_factory=dict)
    envelopes: list[Envelope] = field(default_factory=list)

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.refused:
            return self.refused[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.refusal:
            return self.refusal
        self.envelopes.append(envelope)
        return "250 taken"

    @property
    def mails(self) -> list[EmailMessage]:
        found = []
        for envelope in self.envelopes:
            assert isinstance(envelope.content, bytes)
            mail = message_from_bytes(envelope.content, policy=policy.default)
            assert isinstance(mail, EmailMessage)
            found.append(mail)
        return found


@asynccontextmanager
async def postbox(from_the_start: ssl.SSLContext | None = None, **options: Any) -> AsyncIterator[Postbox]:
    box = Postbox()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(box, hostname="127.0.0.1", **options), "127.0.0.1", 0, ssl=from_the_start
    )
    box.port = server.sockets[0].getsockname()[1]
    try:
        yield box
    finally:
        server.close()
        await server.wait_closed()


def tls() -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    CERTIFICATE.configure_cert(context)
    return context


async def send(box: Postbox, *messages: Message, **options: Any) -> list[str]:
    given = {"to": "ops@example.org", "from": "netmon@example.org", "require_tls": False, **options}
    async with surroundings() as around:
        channel = EmailOptions.model_validate({"smarthost": f"127.0.0.1:{box.port}", **given}).open(around)
        return [await channel.send(one) for one in messages]


async def test_a_mail_has_text_and_html_and_a_subject_that_says_it_all() -> None:
    async with postbox() as box:
        await send(box, message(), to="Ops <ops@example.org>, night@example.org", headers={"X-Team": "{{ .Receiver }}"})
    envelope, mail = box.envelopes[0], box.mails[0]
    assert (envelope.mail_from, envelope.rcpt_tos) == ("netmon@example.org", ["ops@example.org", "night@example.org"])
    assert (mail["Subject"], mail["From"], mail["X-Team"]) == (
        "[FIRING:1] Down (critical)",
        "netmon@example.org",
        "ops",
    )
    assert mail["Date"] == "Tue, 14 Nov 2023 22:13:50 -0000"
    text, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert text is not None
    assert html is not None
    assert "since 2023-11-14 22:13 UTC" in text.get_content()
    assert "<b>[FIRING:1] Down (critical)</b>" in html.get_content()


async def test_all_about_a_group_is_one_thread() -> None:
    async with postbox() as box:
        (first,) = await send(box, message())
        (second,) = await send(box, message(over=True, reference=first))
    begin, end = box.mails
    assert first == second == begin["Message-ID"] == f"<{message().notification.key}@example.org>"
    assert (begin["References"], end["References"], end["In-Reply-To"]) == (None, first, first)
    assert end["Subject"] == "[RESOLVED] Down (critical)"


async def test_what_a_device_says_begins_no_header() -> None:
    about = message()
    evil = replace(about.notification.alerts[0], annotations=(("summary", "x\r\nBcc: all@example.org\n"),))
    about = replace(about, notification=replace(about.notification, alerts=(evil,)))
    async with postbox() as box:
        await send(box, about)
    assert box.mails[0]["Bcc"] is None
    assert box.mails[0]["Subject"] == "[FIRING:1] x Bcc: all@example.org (critical)"
    assert box.envelopes[0].rcpt_tos == ["ops@example.org"]


async def test_tls_is_asked_for_and_the_server_must_be_known(tmp_path: Path) -> None:
    CA.cert_pem.write_to_path(tmp_path / "ca.pem")
    known = {"ca_file": str(tmp_path / "ca.pem")}
    async with postbox(tls_context=tls(), require_starttls=True) as box:
        await send(box, message(), require_tls=True, tls_config=known)
        with pytest.raises(NotDelivered, match="certificate verify failed") as caught:
            await send(box, message(), require_tls=True)
    assert len(box.envelopes) == 1
    assert not caught.value.permanent


async def test_tls_from_the_start(tmp_path: Path) -> None:
    CA.cert_pem.write_to_path(tmp_path / "ca.pem")
    async with postbox(tls()) as box:
        await send(box, message(), force_implicit_tls=True, tls_config={"ca_file": str(tmp_path / "ca.pem")})
    assert len(box.envelopes) == 1


async def test_without_tls_nothing_is_sent_where_it_is_required() -> None:
    async with postbox() as box:
        with pytest.raises(NotDelivered, match=r"(?i)starttls"):
            await send(box, message(), require_tls=True)
    assert box.envelopes == []


def _knows(password: bytes) -> Callable[..., AuthResult]:
    def judge(server: SMTP, session: Session, envelope: Envelope, mechanism: str, given: Any) -> AuthResult:
        assert isinstance(given, LoginPassword)
        return AuthResult(success=given == LoginPassword(b"netmon", password), handled=False)

    return judge


async def test_a_wrong_password_is_for_good_and_never_told(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("sesame\n")
    CA.cert_pem.write_to_path(tmp_path / "ca.pem")
    login = {
        "auth_username": "netmon",
        "auth_password_file": str(tmp_path / "password"),
        "require_tls": True,
        "tls_config": {"ca_file": str(tmp_path / "ca.pem")},
    }
    async with postbox(authenticator=_knows(b"sesame"), auth_required=True, tls_context=tls()) as box:
        await send(box, message(), **login)
    assert len(box.envelopes) == 1
    async with postbox(authenticator=_knows(b"other"), auth_required=True, tls_context=tls()) as box:
        with pytest.raises(NotDelivered, match="answered 535") as caught:
            await send(box, message(), **login)
    assert caught.value.permanent
    assert "sesame" not in str(caught.value)


@pytest.mark.parametrize(
    ("refusal", "permanent"), [("451 try later", False), ("552 too much", True), ("421 shutting down", False)]
)
async def test_the_code_says_whether_to_try_again(refusal: str, permanent: bool) -> None:
    async with postbox() as box:
        box.refusal = refusal
        with pytest.raises(NotDelivered, match=refusal[:3]) as caught:
            await send(box, message())
    assert caught.value.permanent is permanent


@pytest.mark.parametrize(("refusal", "permanent"), [("450 grey", False), ("550 nobody here", True)])
async def test_an_address_that_is_refused(refusal: str, permanent: bool) -> None:
    async with postbox() as box:
        box.refused["ops@example.org"] = refusal
        with pytest.raises(NotDelivered, match=f"refuses ops@example.org: {refusal}") as caught:
            await send(box, message())
        assert caught.value.permanent is permanent
        await send(box, message(), to="ops@example.org, night@example.org")
    assert box.envelopes[0].rcpt_tos == ["night@example.org"], "one who is refused keeps nobody else from being told"


async def test_nobody_there_is_tried_again() -> None:
    with pytest.raises(NotDelivered) as caught:
        await send(Postbox(port=1), message())
    assert not caught.value.permanent


async def test_what_holds_for_all_need_not_be_said_again() -> None:
    defaults = Globals(smtp_smarthost="127.0.0.1:2525", smtp_from="netmon@example.org")

    async def opened(given: Globals) -> None:
        async with surroundings() as around:
            EmailOptions.model_validate({"to": "ops@example.org"}).open(replace(around, defaults=given))

    await opened(defaults)
    with pytest.raises(ConfigError, match="smarthost: is needed, here or as 'smtp_smarthost' under 'global'"):
        await opened(Globals())
