"""E-mail by SMTP against a real server."""

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from sojourn.channels.fence import Fence
from sojourn.channels.provider import Parcel
from sojourn.channels.smtp import KEPT_CONNECTIONS, Smtp, compose
from sojourn.cli.local.processes import HOST, free_port
from sojourn.domain.content import Attachment, Content
from sojourn.domain.errors import (
    AccountError,
    AmbiguousSend,
    ContentRejected,
    FenceClosed,
    InvalidRecipient,
    ProviderError,
    TransientError,
    UnsupportedAddress,
)
from sojourn.domain.messages import Channel
from sojourn.sending.handing_many import hand_over_many
from sojourn.settings import Settings
from sojourn.testkit import JourneyTest
from sojourn.testkit.fakes.ses import key, pem
from tests.support.mailserver import MailServer
from workflows.abandoned_cart import AbandonedCart
from workflows.onboarding import Onboarding

SHOP = {"from_email": "hello@shop.example", "shop_name": "Łódź & Figli"}


@pytest.fixture
def mail() -> Iterator[MailServer]:
    server = MailServer()
    server.start()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture
def journey_settings(
    journey_settings: Settings, mail: MailServer, monkeypatch: pytest.MonkeyPatch
) -> Settings:
    for name, value in server_at(mail.port).items():
        monkeypatch.setenv(name, value)
    return journey_settings.model_copy(update={"email_provider": "smtp", **SHOP})


def server_at(port: int) -> dict[str, str]:
    return {
        "SOJOURN_SMTP_HOST": HOST,
        "SOJOURN_SMTP_PORT": str(port),
        "SOJOURN_SMTP_SECURITY": "none",
    }


def parcel(**changes: object) -> Parcel:
    content = {
        "channel": Channel.EMAIL,
        "template": "t",
        "locale": "pl",
        "subject": "Twój koszyk czeka – żółw",
        "html": "<p>Zażółć gęślą jaźń</p>",
        "text": "Zażółć gęślą jaźń",
        "headers": {"List-Unsubscribe-Post": "List-Unsubscribe=One-Click"},
    }
    return Parcel("w/e/1-reminder/email", "ada@shop.example", Content(**{**content, **changes}))  # type: ignore[arg-type]


def to(port: int, **changes: str) -> Smtp:
    """Make a provider for the server on a port, with changes to ``SOJOURN_SMTP_*``."""
    changed = {f"SOJOURN_SMTP_{name.upper()}": value for name, value in changes.items()}
    with pytest.MonkeyPatch.context() as environment:
        for name, value in (server_at(port) | changed).items():
            environment.setenv(name, value)
        return Smtp(Settings().model_copy(update=SHOP))


@pytest.fixture
async def smtp(mail: MailServer) -> AsyncIterator[Smtp]:
    provider = to(mail.port)
    yield provider
    await provider.close()


async def test_the_whole_mail_arrives(mail: MailServer, smtp: Smtp) -> None:
    given = await smtp.send(parcel())
    (message,) = mail.accepted
    assert message["Subject"] == "Twój koszyk czeka – żółw"
    assert message["From"].addresses[0].display_name == "Łódź & Figli"
    assert message["To"] == "ada@shop.example"
    assert message["Message-ID"] == given
    assert message["Date"].datetime is not None
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    text, html = message.get_body(("plain",)), message.get_body(("html",))
    assert text is not None
    assert text.get_content().strip() == "Zażółć gęślą jaźń"
    assert html is not None
    assert "gęślą" in html.get_content()


async def test_an_attachment_arrives_whole(mail: MailServer, smtp: Smtp) -> None:
    data = bytes(range(256))
    invoice = Attachment("rachunek-żółty.pdf", "application/pdf", base64.b64encode(data).decode())
    await smtp.send(parcel(attachments=(invoice,)))
    (arrived,) = mail.accepted[0].iter_attachments()
    assert arrived.get_filename() == "rachunek-żółty.pdf"
    assert arrived.get_content_type() == "application/pdf"
    assert arrived.get_content() == data
    body = mail.accepted[0].get_body(("html",))
    assert body is not None
    assert "gęślą" in body.get_content()


async def test_a_calendar_entry_arrives_with_its_whole_media_type(
    mail: MailServer, smtp: Smtp
) -> None:
    event = "BEGIN:VCALENDAR\r\nSUMMARY:żółw\r\nEND:VCALENDAR\r\n".encode()
    media_type = "text/calendar; charset=utf-8; method=PUBLISH"
    file = Attachment("event.ics", media_type, base64.b64encode(event).decode())
    await smtp.send(parcel(attachments=(file,)))
    (arrived,) = mail.accepted[0].iter_attachments()
    assert arrived.get_content_type() == "text/calendar"
    assert arrived["Content-Type"].params == {"charset": "utf-8", "method": "PUBLISH"}
    assert arrived.get_filename() == "event.ics"
    assert arrived.get_payload(decode=True) == event


async def test_the_message_is_plain_ascii_on_the_wire() -> None:
    assert compose(parcel(), Settings()).as_bytes().isascii()


async def test_a_second_attempt_has_the_same_message_id(smtp: Smtp) -> None:
    first = await smtp.send(parcel())
    assert await smtp.send(parcel()) == first
    assert first == f"<{parcel().reference}@shop.example>"


async def test_a_connection_is_kept_for_the_next_message(mail: MailServer, smtp: Smtp) -> None:
    for _ in range(3):
        await smtp.send(parcel())
    assert len(mail.accepted) == 3
    assert len(mail.lines) == 1


async def test_concurrent_messages_have_their_own_connections_and_some_are_kept(
    mail: MailServer, smtp: Smtp
) -> None:
    await asyncio.gather(*(smtp.send(parcel()) for _ in range(KEPT_CONNECTIONS + 2)))
    assert len(mail.lines) == KEPT_CONNECTIONS + 2
    await asyncio.gather(*(smtp.send(parcel()) for _ in range(KEPT_CONNECTIONS)))
    assert len(mail.lines) == KEPT_CONNECTIONS + 2
    assert len(mail.accepted) == 2 * KEPT_CONNECTIONS + 2


async def test_many_messages_share_as_many_connections_as_may_be_under_way(
    mail: MailServer, smtp: Smtp
) -> None:
    parcels = [replace(parcel(), ledger_key=f"k{n}") for n in range(12)]
    outcomes = await hand_over_many(smtp, parcels, Fence(), at_once=3)
    assert [outcome.error for outcome in outcomes] == [None] * 12
    assert len({outcome.provider_id for outcome in outcomes}) == 12
    assert (len(mail.accepted), len(mail.lines)) == (12, 3)


async def test_a_refusal_keeps_the_connection(mail: MailServer, smtp: Smtp) -> None:
    mail.rcpt_reply = "550 5.1.1 no such user"
    with pytest.raises(InvalidRecipient):
        await smtp.send(parcel())
    mail.rcpt_reply, mail.data_reply, mail.refusals = "", "554 5.7.1 spam", 1
    with pytest.raises(ContentRejected):
        await smtp.send(parcel())
    await smtp.send(parcel())
    assert len(mail.accepted) == 1
    assert len(mail.lines) == 1


async def test_a_closed_idle_connection_costs_a_new_connection_and_no_message(
    mail: MailServer, smtp: Smtp
) -> None:
    await smtp.send(parcel())
    mail.hang_up()
    await smtp.send(parcel())
    assert len(mail.accepted) == 2
    assert len(mail.lines) == 2


async def test_a_good_idle_connection_is_used_before_a_new_one(
    mail: MailServer, smtp: Smtp
) -> None:
    await asyncio.gather(smtp.send(parcel()), smtp.send(parcel()))
    smtp._idle[-1].close()
    await smtp.send(parcel())
    assert len(mail.accepted) == 3
    assert len(mail.lines) == 2


@pytest.mark.parametrize("command", ["RSET", "MAIL", "RCPT"])
async def test_a_server_that_hangs_up_on_an_idle_connection_costs_a_new_connection(
    mail: MailServer, smtp: Smtp, command: str
) -> None:
    await smtp.send(parcel())
    mail.hang_up_at.append(command)
    await smtp.send(parcel())
    assert len(mail.accepted) == 2
    assert len(mail.lines) == 2


@pytest.mark.parametrize("reply", ["421 4.4.2 idle for too long", "502 5.5.1 not implemented"])
async def test_a_server_that_ends_an_idle_connection_costs_a_new_connection(
    mail: MailServer, smtp: Smtp, reply: str
) -> None:
    await smtp.send(parcel())
    mail.replies["RSET"] = reply
    await smtp.send(parcel())
    assert len(mail.accepted) == 2
    assert len(mail.lines) == 2


@pytest.mark.parametrize("command", ["MAIL", "RCPT"])
async def test_a_connection_that_breaks_before_the_message_has_sent_nothing(
    mail: MailServer, smtp: Smtp, command: str
) -> None:
    await smtp.send(parcel())
    mail.hang_up_at += [command, command]  # on the idle connection, then on the new one
    with pytest.raises(TransientError):
        await smtp.send(parcel())
    assert len(mail.accepted) == 1


async def test_a_lost_answer_on_an_idle_connection_is_ambiguous(
    mail: MailServer, smtp: Smtp
) -> None:
    await smtp.send(parcel())
    mail.hang_up_after_data = True
    with pytest.raises(AmbiguousSend):
        await smtp.send(parcel())
    assert len(mail.accepted) == 2
    assert len(mail.lines) == 1


async def test_no_connection_is_kept_after_close(mail: MailServer) -> None:
    provider = to(mail.port)
    sending = asyncio.create_task(provider.send(parcel()))
    await provider.close()
    await sending
    assert provider._idle == []


async def test_a_cancelled_message_leaves_no_connection_behind(
    mail: MailServer, smtp: Smtp
) -> None:
    mail.hang_after_data = True
    sending = asyncio.create_task(smtp.send(parcel()))
    assert await asyncio.to_thread(mail.taken.wait, 5)
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    assert smtp._idle == []


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        ("550 5.1.1 no such user", InvalidRecipient),
        ("550 no such user", InvalidRecipient),
        ("550 5.1.10 the domain takes no mail", InvalidRecipient),
        ("550 5.2.1 mailbox disabled", InvalidRecipient),
        ("553 mailbox name not allowed", InvalidRecipient),
        ("550 5.7.1 relaying denied", AccountError),
        ("552 5.2.2 mailbox full", ContentRejected),
        ("552 too much mail", ContentRejected),
        ("554 transaction failed", ContentRejected),
        ("553 5.1.8 the sender's domain does not exist", AccountError),
        ("530 authentication required", AccountError),
        ("451 4.7.1 try later", TransientError),
        ("450 4.2.1 greylisted", TransientError),
        ("421 4.3.2 shutting down", TransientError),
        ("554 5.7.1 <ada@shop.example>: Relay access denied", AccountError),
        ("550 5.7.54 SMTP; Unable to relay recipient in non-accepted domain", AccountError),
        ("553 5.7.1 <a@b>: Sender address rejected: not owned by user shop", AccountError),
        ("550 5.7.1 <ada@shop.example>: Recipient address rejected: policy", ContentRejected),
    ],
)
async def test_the_codes_of_a_refused_recipient_decide_about_the_address(
    mail: MailServer, smtp: Smtp, reply: str, error: type[ProviderError]
) -> None:
    mail.rcpt_reply = reply
    with pytest.raises(ProviderError, match=reply[:3]) as raised:
        await smtp.send(parcel())
    assert type(raised.value) is error
    assert mail.accepted == []


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        ("550 5.7.1 you are not allowed to send as this", AccountError),
        ("530 5.7.0 authentication required", AccountError),
        ("452 4.3.1 disk full", TransientError),
        ("421 4.7.0 too many connections", TransientError),
    ],
)
async def test_a_refused_sender_is_the_account_s_fault_or_a_matter_of_time(
    mail: MailServer, smtp: Smtp, reply: str, error: type[ProviderError]
) -> None:
    mail.replies["MAIL"] = reply
    with pytest.raises(error, match=reply[:3]):
        await smtp.send(parcel())


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        ("554 5.7.1 spam", ContentRejected),
        ("552 5.3.4 too large", ContentRejected),
        ("452 4.3.1 disk full", TransientError),
        ("421 4.3.2 shutting down", TransientError),
        ("299 what", AmbiguousSend),
        ("garbage", AmbiguousSend),
        ("554 Message rejected: Email address is not verified.", AccountError),
        ("550 5.7.60 SMTP; Client does not have permissions to send as this sender", AccountError),
    ],
)
async def test_a_refused_message_is_rejected_or_a_matter_of_time(
    mail: MailServer, smtp: Smtp, reply: str, error: type[ProviderError]
) -> None:
    mail.data_reply = reply
    with pytest.raises(error):
        await smtp.send(parcel())


async def test_nothing_leaves_after_the_fence_has_closed(mail: MailServer, smtp: Smtp) -> None:
    """The worker stands still until the server has said that it waits for the message."""
    closed = Fence()
    closed.shut()
    with closed.around(), pytest.raises(FenceClosed):
        await smtp.send(parcel())
    assert (mail.accepted, closed.crossed) == ([], False)
    assert smtp._idle == []  # the server still waits on that connection
    in_time = Fence()
    with in_time.around():
        await smtp.send(parcel())
    assert in_time.crossed
    assert len(mail.accepted) == 1


# ---- letters outside ASCII -------------------------------------------------------------------


def addressed(address: str) -> Parcel:
    return replace(parcel(), address=address)


async def test_a_domain_outside_ascii_is_written_in_punycode(mail: MailServer, smtp: Smtp) -> None:
    await smtp.send(addressed("ada@bücher.example"))
    (message,) = mail.accepted
    assert message["To"] == "ada@xn--bcher-kva.example"
    assert mail.recipients == ["ada@xn--bcher-kva.example"]


async def test_a_mailbox_outside_ascii_goes_where_the_server_takes_it(
    mail: MailServer, smtp: Smtp
) -> None:
    await smtp.send(addressed("józef@bücher.example"))
    await smtp.send(parcel())
    first, second = mail.accepted
    assert mail.recipients == ["józef@xn--bcher-kva.example", "ada@shop.example"]
    assert first["To"] == "józef@xn--bcher-kva.example"
    assert first["Subject"] == second["Subject"] == "Twój koszyk czeka – żółw"
    assert len(mail.lines) == 1


async def test_a_mailbox_outside_ascii_is_refused_where_the_server_does_not_take_it() -> None:
    plain = MailServer(smtputf8=False)
    plain.start()
    provider = to(plain.port)
    try:
        with pytest.raises(UnsupportedAddress, match="SMTPUTF8"):
            await provider.send(addressed("józef@shop.example"))
        await provider.send(addressed("ada@bücher.example"))
        assert len(plain.lines) == 1
    finally:
        await provider.close()
        plain.stop()
    assert [message["To"] for message in plain.accepted] == ["ada@xn--bcher-kva.example"]


@pytest.mark.parametrize("address", ["ada@\u200b", "ada@-ü-.example", "ü", "ada@ü ü.example"])
async def test_an_address_that_no_server_can_have_is_refused_for_good(
    mail: MailServer, smtp: Smtp, address: str
) -> None:
    with pytest.raises(UnsupportedAddress):
        await smtp.send(addressed(address))
    assert mail.accepted == []


async def test_a_sender_s_domain_outside_ascii_is_written_in_punycode(mail: MailServer) -> None:
    with pytest.MonkeyPatch.context() as environment:
        for name, value in server_at(mail.port).items():
            environment.setenv(name, value)
        provider = Smtp(Settings().model_copy(update={"from_email": "hallo@bücher.example"}))
    message_id = await provider.send(parcel())
    await provider.close()
    assert mail.accepted[0]["From"].addresses[0].addr_spec == "hallo@xn--bcher-kva.example"
    assert message_id.endswith("@xn--bcher-kva.example>")


@pytest.mark.parametrize("sender", ["shop", "hello@", "a b@shop.example", ""])
async def test_a_sender_that_is_no_address_is_the_account_s_fault(
    mail: MailServer, sender: str
) -> None:
    with pytest.MonkeyPatch.context() as environment:
        for name, value in server_at(mail.port).items():
            environment.setenv(name, value)
        provider = Smtp(Settings().model_copy(update={"from_email": sender}))
    with pytest.raises(AccountError, match="SOJOURN_FROM_EMAIL"):
        await provider.send(parcel())
    await provider.close()


async def test_an_answer_s_code_is_told_without_its_words(mail: MailServer, smtp: Smtp) -> None:
    mail.replies["MAIL"] = "550 5.7.1 hello@shop.example may not send"
    with pytest.raises(AccountError) as raised:
        await smtp.send(parcel())
    assert raised.value.told == "AccountError, 550"


async def test_a_lost_answer_is_ambiguous(mail: MailServer, smtp: Smtp) -> None:
    mail.hang_up_after_data = True
    with pytest.raises(AmbiguousSend):
        await smtp.send(parcel())
    assert len(mail.accepted) == 1


async def test_a_missing_answer_is_ambiguous(mail: MailServer) -> None:
    mail.hang_after_data = True
    hurried = to(mail.port, timeout_seconds="0.3")
    with pytest.raises(AmbiguousSend):
        await hurried.send(parcel())
    await hurried.close()
    assert len(mail.accepted) == 1


@pytest.fixture
def guarded() -> Iterator[MailServer]:
    server = MailServer(login=("shop", "secret"))
    server.start()
    try:
        yield server
    finally:
        server.stop()


async def test_the_server_gets_the_credentials(guarded: MailServer) -> None:
    known = to(guarded.port, username="shop", password="secret")
    await known.probe()
    assert guarded.accepted == []
    await known.send(parcel())
    await known.close()
    assert len(guarded.accepted) == 1


async def test_refused_credentials_are_the_account_s_fault(guarded: MailServer) -> None:
    stranger = to(guarded.port, username="shop", password="guessed")
    for attempt in (stranger.send(parcel()), stranger.probe()):
        with pytest.raises(AccountError, match="535"):
            await attempt
    assert guarded.accepted == []


async def test_missing_credentials_are_the_account_s_fault(guarded: MailServer) -> None:
    nobody = to(guarded.port)
    with pytest.raises(AccountError, match="530"):
        await nobody.send(parcel())
    await nobody.close()


async def test_a_server_without_tls_gets_no_mail_in_the_clear(mail: MailServer) -> None:
    careful = to(mail.port, security="starttls")
    with pytest.raises(AccountError):
        await careful.send(parcel())
    assert mail.accepted == []


async def test_a_server_with_another_name_s_certificate_gets_no_mail(tmp_path: Path) -> None:
    pems = pem() + key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "server.pem").write_bytes(pems)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tmp_path / "server.pem")
    server = MailServer(tls=context)
    server.start()
    try:
        with pytest.raises(TransientError, match="certificate"):
            await to(server.port, security="starttls").send(parcel())
    finally:
        server.stop()
    assert server.accepted == []


async def test_a_probe_sends_no_mail(mail: MailServer, smtp: Smtp) -> None:
    await smtp.probe()
    assert mail.accepted == []
    with pytest.raises(TransientError, match="no SMTP connection"):
        await to(free_port()).probe()


async def test_a_server_that_does_not_listen_is_a_transient_error() -> None:
    with pytest.raises(TransientError, match="no SMTP connection"):
        await to(free_port()).send(parcel())


async def test_a_subject_cannot_smuggle_a_header(mail: MailServer, smtp: Smtp) -> None:
    with pytest.raises(ValueError, match=r"linefeed|newline|header"):
        await smtp.send(parcel(subject="Hello\r\nBcc: everybody@shop.example"))
    assert mail.accepted == []


async def test_a_journey_sends_its_mails_by_smtp(journey: JourneyTest, mail: MailServer) -> None:
    await journey.start(Onboarding)
    (welcome,) = mail.accepted
    assert welcome["To"] == "ada@shop.example"
    assert "List-Unsubscribe" not in welcome
    (row,) = await journey.messages()
    assert (row.state, row.provider, row.provider_id) == ("sent", "smtp", welcome["Message-ID"])


async def test_a_dead_address_is_rejected_and_the_journey_goes_on(
    journey: JourneyTest, mail: MailServer
) -> None:
    mail.rcpt_reply = "550 5.1.1 no such user"
    await journey.start(AbandonedCart, cart_id="c")
    await journey.after(timedelta(days=3))
    rows = {row.step: (row.state, row.reason) for row in await journey.messages()}
    assert rows == {"reminder": ("rejected", "invalid_address"), "nudge": ("sent", None)}


async def test_a_promotional_mail_whose_answer_is_lost_is_never_sent_again(
    journey: JourneyTest, mail: MailServer
) -> None:
    mail.hang_up_after_data = True
    await journey.start(AbandonedCart, cart_id="c")
    await journey.after(timedelta(days=2))
    assert [row.state for row in await journey.messages()] == ["unknown"]
    assert len(mail.accepted) == 1


async def test_a_transactional_mail_whose_answer_is_lost_goes_once_more_marked(
    journey: JourneyTest, mail: MailServer
) -> None:
    mail.hang_up_after_data = True
    await journey.start(Onboarding)
    (row,) = await journey.messages()
    assert (row.state, row.possible_duplicate) == ("unknown", True)
    assert len(mail.accepted) == 2
    assert len({message["Message-ID"] for message in mail.accepted}) == 1


async def test_a_server_that_is_busy_gets_the_mail_later(
    journey: JourneyTest, mail: MailServer
) -> None:
    mail.data_reply, mail.refusals = "451 4.3.0 busy", 1
    await journey.start(Onboarding)
    assert journey.sent == ["welcome"]
    assert len(mail.accepted) == 1
