"""Answers of providers and templates, and their effect on the message."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from temporalio.exceptions import ApplicationError

from sojourn.channels.provider import Abilities
from sojourn.domain.errors import (
    AccountError,
    AmbiguousSend,
    InvalidRecipient,
    RecipientUnsubscribed,
    TransientError,
    UnsupportedAddress,
)
from sojourn.domain.events import (
    ProductRemoved,
)
from sojourn.domain.messages import Channel, MessageClass, Reason, Status
from sojourn.store import consents
from sojourn.testkit.kit import MONDAY_NOON as NOON
from tests.support.desk import DAY, HOUR, MINUTE, NUDGE, Desk

# ---- answers of providers ------------------------------------------------------------------


async def test_a_provider_that_is_busy_is_asked_again_when_it_says(desk: Desk) -> None:
    desk.carrier.answers.append(TransientError("450 busy", retry_after=7 * MINUTE))
    again = await desk.again()
    assert again.next_retry_delay == 7 * MINUTE
    row = await desk.row()
    assert (row.state, row.detail) == ("claimed", "450 busy (told to wait 420 s)")
    assert (await desk.send()).status is Status.SENT
    assert (await desk.row()).detail is None


async def test_a_provider_that_stays_busy_ends_with_the_messages_use(desk: Desk) -> None:
    desk.carrier.answers.append(TransientError("450 busy"))
    await desk.again()
    receipt = await desk.send(waited=DAY + MINUTE)
    assert (receipt.status, receipt.reason) == (Status.EXPIRED, Reason.TOO_LATE)


async def test_a_refusal_is_a_receipt(desk: Desk) -> None:
    desk.carrier.answers.append(InvalidRecipient("550 no such user"))
    for _ in range(2):
        receipt = await desk.send()
        assert (receipt.status, receipt.reason) == (Status.REJECTED, Reason.INVALID_ADDRESS)
    assert (await desk.row()).detail == "550 no such user"
    assert desk.carrier.carried == []


async def test_trouble_with_our_account_pauses_the_channel_and_burns_no_message(desk: Desk) -> None:
    desk.carrier.answers.append(AccountError("535 who are you?"))
    held = await desk.send()
    assert (held.status, held.reason) == (Status.DEFERRED, Reason.PAUSED)
    assert held.until is not None
    assert MINUTE / 2 <= held.until - (NOON + DAY) <= 2 * MINUTE
    row = await desk.row()
    assert (row.state, row.reason, row.detail) == ("deferred", "paused", "535 who are you?")
    assert [(a.state, a.error) for a in await desk.attempts()] == [("released", "AccountError")]
    pause = (await desk.pauses())[Channel.EMAIL]
    assert pause.paused_because == f"AccountError; its words: sojourn ledger show {row.id}"
    assert pause.paused_by == "carrier"
    assert pause.probe_at is not None
    # the pause holds back the messages of every customer
    assert (await desk.send(n=2)).reason is Reason.PAUSED
    assert desk.carrier.carried == []
    await desk.resume(Channel.EMAIL)
    assert (await desk.send(now=held.until)).status is Status.SENT


async def test_a_message_that_a_pause_outlasts_expires(desk: Desk) -> None:
    desk.carrier.answers.append(AccountError("535 who are you?"))
    held = await desk.send(waited=DAY - MINUTE / 4)
    assert held.until == NOON + 2 * DAY + timedelta(seconds=1)
    over = await desk.send(now=held.until)
    assert (over.status, over.reason) == (Status.EXPIRED, Reason.TOO_LATE)


async def test_a_pause_does_not_hide_that_the_run_is_over(desk: Desk) -> None:
    desk.carrier.answers.append(AccountError("535 who are you?"))
    await desk.send()
    await desk.buy()
    assert (await desk.send()).reason is Reason.GOAL_REACHED


async def test_messages_that_wait_for_a_channel_come_back_at_different_moments(desk: Desk) -> None:
    desk.carrier.answers.append(AccountError("535 who are you?"))
    await desk.send()
    moments = [(await desk.send(n=n)).until for n in range(2, 12)]
    assert len(set(moments)) == len(moments)


async def test_a_channel_that_is_paused_leaves_the_message_to_the_next(desk: Desk) -> None:
    desk.carrier.answers.append(AccountError("no more credits"))
    answer = await desk.send(**NUDGE)
    assert (answer.reason, answer.channel) == (Reason.OTHER_CHANNEL, Channel.SMS)
    assert (await desk.send(**NUDGE, channel=Channel.SMS)).status is Status.SENT
    assert [(row.channel, row.state) for row in await desk.rows()] == [("sms", "sent")]


async def test_an_address_that_does_not_exist_gets_no_further_message(desk: Desk) -> None:
    desk.carrier.answers.append(InvalidRecipient("550 no such user"))
    await desk.send()
    needed = await desk.send(n=2, message_class=MessageClass.TRANSACTIONAL)
    assert (needed.status, needed.reason) == (Status.SKIPPED, Reason.SUPPRESSED)


async def test_an_opt_out_that_a_provider_keeps_is_a_refusal_to_us(desk: Desk) -> None:
    desk.carrier.answers.append(RecipientUnsubscribed("406 opted out"))
    assert (await desk.send()).reason is Reason.OPTED_OUT
    assert (await desk.send(n=2)).reason is Reason.NO_CONSENT
    async with desk.store.reading() as session:
        *_, said = await consents.statements(session, desk.customer_id)
    assert (said.channel, said.topic, said.granted) == ("email", "", False)
    assert said.source == f"carrier:{(await desk.rows())[0].id}-1"


async def test_an_opt_out_counts_although_the_grants_clock_was_ahead(desk: Desk) -> None:
    ahead = (datetime.now(UTC) - NOON) / HOUR + 1
    await desk.identify(ahead, marketingConsent={"email": True})
    desk.carrier.answers.append(RecipientUnsubscribed("406 opted out"))
    await desk.send()
    assert (await desk.send(n=2)).reason is Reason.NO_CONSENT


@pytest.mark.parametrize(
    "trouble",
    [
        AccountError("ada@shop.example may not send to +393201234567").coded("HTTP 422", 405),
        TransientError("450 ada@shop.example is busy"),
        AmbiguousSend("lost ada@shop.example"),
        InvalidRecipient("550 ada@shop.example"),
        ValueError("bad header: ada@shop.example"),
    ],
    ids=lambda trouble: type(trouble).__name__,
)
async def test_a_providers_words_are_in_the_ledger_alone(
    desk: Desk, caplog: pytest.LogCaptureFixture, trouble: Exception
) -> None:
    desk.carrier.can = Abilities(fenced=True)
    desk.carrier.answers.append(trouble)
    with caplog.at_level("INFO"), suppress(ApplicationError):
        await desk.send()
    noted = caplog.text + " ".join(str(vars(record)) for record in caplog.records)
    noted += " ".join(pause.paused_because for pause in (await desk.pauses()).values())
    assert "ada@" not in noted
    assert "320123" not in noted
    assert "ada@shop.example" in str((await desk.attempts())[0].detail)
    if isinstance(trouble, AccountError):
        assert "AccountError, HTTP 422 405" in caplog.text
    if isinstance(trouble, ValueError):
        assert "ValueError at desk.py" in caplog.text


async def test_an_address_that_a_provider_cannot_write_to_is_kept(desk: Desk) -> None:
    desk.carrier.answers.append(UnsupportedAddress("letters outside ASCII"))
    assert (await desk.send()).reason is Reason.REFUSED
    assert (await desk.send(n=2)).status is Status.SENT


# ---- answers of templates ------------------------------------------------------------------


async def test_a_template_that_fails_rejects_the_message_and_says_where(
    desk: Desk, tmp_path: Path
) -> None:
    folder = tmp_path / "abandoned-cart"
    folder.mkdir()
    (folder / "reminder.sms.en.txt").write_text("{% block text %}{{ cart.itms }}{% endblock %}")
    desk.templates = tmp_path
    receipt = await desk.send(channels=(Channel.SMS,))
    assert (receipt.status, receipt.reason) == (Status.REJECTED, Reason.TEMPLATE)
    row = await desk.row()
    assert row.detail is not None
    assert "abandoned-cart/reminder.sms.en" in row.detail
    assert "itms" in row.detail
    assert (await desk.send(channels=(Channel.SMS,))).status is Status.REJECTED
    assert desk.carrier.carried == []


async def test_a_template_that_is_missing_rejects_the_message(desk: Desk) -> None:
    assert (await desk.send(template="remindr")).reason is Reason.TEMPLATE
    assert "remindr" in str((await desk.row()).detail)


async def test_of_an_empty_cart_nothing_is_left(desk: Desk) -> None:
    await desk.keep(
        ProductRemoved(
            customer_id=desk.customer_id, cart_id="c", product_id="p", occurred_at=NOON + HOUR
        )
    )
    for _ in range(2):
        receipt = await desk.send()
        assert (receipt.status, receipt.reason) == (Status.SKIPPED, Reason.NOTHING_LEFT)
    assert desk.carrier.carried == []
