"""E-mail by SMTP against a real server."""

import base64
from collections.abc import Iterator
from datetime import timedelta

import pytest

from channels.provider import Parcel
from channels.smtp import Smtp
from domain.content import Attachment, Content
from domain.errors import AmbiguousSend, PermanentError, TransientError
from domain.messages import Channel
from settings import Settings
from starter.processes import HOST, free_port
from testkit import JourneyTest
from tests.mailserver import MailServer
from workflows.abandoned_cart import AbandonedCart
from workflows.onboarding import Onboarding


@pytest.fixture
def mail() -> Iterator[MailServer]:
    server = MailServer()
    server.start()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture
def journey_settings(journey_settings: Settings, mail: MailServer) -> Settings:
    return journey_settings.model_copy(update=_to(mail.port))


def _to(port: int) -> dict[str, object]:
    return {
        "email_provider": "smtp",
        "smtp_host": HOST,
        "smtp_port": port,
        "smtp_security": "none",
        "from_email": "hello@shop.example",
        "shop_name": "Łódź & Figli",
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


def smtp(port: int) -> Smtp:
    return Smtp(Settings().model_copy(update=_to(port)))


async def test_the_mail_arrives_whole(mail: MailServer) -> None:
    given = await smtp(mail.port).send(parcel())
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


async def test_files_arrive_as_they_were(mail: MailServer) -> None:
    event = "BEGIN:VCALENDAR\r\nSUMMARY:żółw\r\nEND:VCALENDAR\r\n".encode()
    files = (
        Attachment(
            "event.ics",
            "text/calendar; charset=utf-8; method=PUBLISH",
            base64.b64encode(event).decode(),
        ),
        Attachment("fattura è.pdf", "application/pdf", base64.b64encode(b"%PDF\n\r\0").decode()),
    )
    await smtp(mail.port).send(parcel(attachments=files))
    (message,) = mail.accepted
    calendar, invoice = message.iter_attachments()
    assert calendar.get_content_type() == "text/calendar"
    assert calendar.get_param("method") == "PUBLISH"
    assert calendar.get_filename() == "event.ics"
    assert calendar.get_payload(decode=True) == event
    assert calendar.get_content_charset() == "utf-8"
    assert invoice.get_content_type() == "application/pdf"
    assert invoice.get_filename() == "fattura è.pdf"
    assert invoice.get_payload(decode=True) == b"%PDF\n\r\0"
    text = message.get_body(("plain",))
    assert text is not None
    assert text.get_content().strip() == "Zażółć gęślą jaźń"


async def test_a_second_try_is_the_same_message(mail: MailServer) -> None:
    first = await smtp(mail.port).send(parcel())
    assert await smtp(mail.port).send(parcel()) == first


@pytest.mark.parametrize(
    ("reply", "error"),
    [("550 5.1.1 no such user", PermanentError), ("451 4.7.1 try later", TransientError)],
)
async def test_a_refused_recipient_is_dead_or_busy_by_its_code(
    mail: MailServer, reply: str, error: type[Exception]
) -> None:
    mail.rcpt_reply = reply
    with pytest.raises(error, match=reply[:3]):
        await smtp(mail.port).send(parcel())


@pytest.mark.parametrize(
    ("reply", "error"),
    [("554 5.7.1 spam", PermanentError), ("452 4.3.1 disk full", TransientError)],
)
async def test_a_refused_message(mail: MailServer, reply: str, error: type[Exception]) -> None:
    mail.data_reply = reply
    with pytest.raises(error, match=reply[:3]):
        await smtp(mail.port).send(parcel())


async def test_a_lost_answer_is_ambiguous(mail: MailServer) -> None:
    mail.hang_up_after_data = True
    with pytest.raises(AmbiguousSend):
        await smtp(mail.port).send(parcel())
    assert len(mail.accepted) == 1


async def test_nobody_listens() -> None:
    with pytest.raises(TransientError, match="no SMTP connection"):
        await smtp(free_port()).send(parcel())


async def test_a_subject_cannot_smuggle_a_header(mail: MailServer) -> None:
    with pytest.raises(ValueError, match=r"linefeed|newline|header"):
        await smtp(mail.port).send(parcel(subject="Hello\r\nBcc: everybody@shop.example"))
    assert mail.accepted == []


async def test_a_journey_by_smtp(journey: JourneyTest, mail: MailServer) -> None:
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
