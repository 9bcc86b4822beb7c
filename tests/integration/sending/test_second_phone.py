"""A second phone number: it stands in where the first takes nothing, and a no holds for both."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import delete, event

from sojourn.channels import reply_reports
from sojourn.domain.content import Content
from sojourn.domain.errors import (
    AmbiguousSend,
    ContentRejected,
    InvalidRecipient,
    RecipientUnsubscribed,
)
from sojourn.domain.messages import Channel, MessageClass, Reason, Status
from sojourn.domain.only_to import read_only_to
from sojourn.domain.reports import Kind, Report, writable
from sojourn.sending.drafting import Claim
from sojourn.sending.recording import Recorder
from sojourn.store import consents, ledger, people, reports, suppressions
from sojourn.store.reports import Told
from sojourn.store.tables import AnswerRow
from sojourn.testkit.kit import MONDAY_NOON as NOON
from tests.support.desk import HOUR, NUDGE, Desk, killing

TRANSACTIONAL = {"message_class": MessageClass.TRANSACTIONAL}


class Two:
    """A customer with two phone numbers."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.first, self.second = (f"+3933{uuid4().int % 10**8:08}" for _ in range(2))

    def nudge(self, n: int = 1, *channels: Channel, **changes: Any) -> dict[str, Any]:
        channels = channels or (Channel.SMS,)
        return {**NUDGE, "channels": channels, "n": n, "step": f"nudge-{n}", **changes}

    async def send(self, n: int = 1, *channels: Channel, **changes: Any) -> tuple[Status, str]:
        """Send a message; return its fate, and the number that it was handed over to."""
        before = len(self.desk.carrier.carried)
        receipt = await self.desk.send(**self.nudge(n, *channels, **changes))
        carried = self.desk.carrier.carried[before:]
        assert len(carried) <= 1, "one message goes to one number"
        if not carried:
            return receipt.status, receipt.reason or ""
        return receipt.status, self.name(carried[0].address)

    def name(self, number: str) -> str:
        return {self.first: "first", self.second: "second"}[number]

    async def went_to(self, n: int = -1) -> str:
        """Return the number that the ledger has of a message."""
        number = (await self.desk.rows())[n].id
        assert number is not None
        async with self.desk.store.reading() as session:
            kept = await ledger.content(session, number)
        assert kept is not None
        return self.name(kept.address)

    async def suppress(self, number: str, channel: Channel = Channel.SMS) -> None:
        async with self.desk.store.transaction() as session:
            await suppressions.add(
                session, channel, number, because="bounced", at=datetime.now(UTC), source="test"
            )

    async def suppressed(self) -> list[str]:
        pairs = [(Channel.SMS, self.first), (Channel.SMS, self.second)]
        async with self.desk.store.reading() as session:
            found = await suppressions.suppressed(session, pairs)
        return sorted(self.name(number) for _, number in found)

    async def write(
        self, number: str, text: str, channel: Channel = Channel.SMS
    ) -> list[Told | None]:
        """Have a webhook bring a reply."""
        now, found = datetime.now(UTC), []
        for told in reply_reports(
            text, event_id=str(uuid4()), at=now, channel=channel, address=number
        ):
            async with self.desk.store.transaction() as session:
                found.append(await reports.take(session, "twilio", writable(told, now), now))
        return found


@pytest.fixture
async def two(desk: Desk) -> AsyncIterator[Two]:
    two = Two(desk)
    await desk.identify(hours=-0.5, phone=two.first, phone2=two.second)
    yield two
    async with desk.store.transaction() as session:  # tests share the store
        await session.exec(delete(AnswerRow))


# ---- to which number -----------------------------------------------------------------------


async def test_a_message_goes_to_the_first_number_alone(two: Two) -> None:
    assert await two.send() == (Status.SENT, "first")
    assert await two.went_to() == "first"
    row = await two.desk.row()
    assert two.desk.carrier.carried[0].ledger_key == row.ledger_key
    assert await two.send() == (Status.SENT, ""), "the same message again"


@pytest.mark.parametrize("channel", [Channel.SMS, Channel.WHATSAPP])
async def test_the_second_number_takes_what_the_first_cannot(two: Two, channel: Channel) -> None:
    await two.suppress(two.first, channel)
    needed = two.nudge(1, channel, **TRANSACTIONAL)
    claim = await two.desk.claim(**needed)
    assert claim.address == two.second
    other = Channel.SMS if channel is Channel.WHATSAPP else Channel.WHATSAPP
    claim = await two.desk.claim(**two.nudge(2, other, **TRANSACTIONAL))
    assert claim.address == two.first, "the channels are told apart"


async def test_a_number_that_the_provider_refuses_leaves_the_message_to_the_second(
    two: Two,
) -> None:
    two.desk.carrier.answers.append(InvalidRecipient("21211 no such number"))
    assert await two.send() == (Status.SENT, "second")
    row = await two.desk.row()
    assert (row.state, row.attempt, row.possible_duplicate) == ("sent", 2, False)
    assert [one.state for one in await two.desk.attempts()] == ["refused", "accepted"]
    assert await two.went_to() == "second"
    assert await two.suppressed() == ["first"]
    # a provider that knows repeated messages must not take it for the one that it refused
    assert two.desk.carrier.carried[0].reference == row.reference
    assert row.ledger_key == f"{two.desk.delivery(**two.nudge()).ledger_key(Channel.SMS)}/2"
    assert await two.send() == (Status.SENT, ""), "the same message again"
    assert await two.send(2) == (Status.SENT, "second"), "the next one goes there at once"
    assert len(await two.desk.attempts()) == 3


async def test_after_both_numbers_the_message_takes_its_next_channel(two: Two) -> None:
    two.desk.carrier.answers += [InvalidRecipient("no such number")] * 2
    changes = two.nudge(1, Channel.SMS, Channel.PUSH)
    receipt = await two.desk.send(**changes)
    assert (receipt.reason, receipt.channel) == (Reason.OTHER_CHANNEL, Channel.PUSH)
    assert [row.state for row in await two.desk.rows()] == ["rejected"]
    assert await two.suppressed() == ["first", "second"]
    assert not two.desk.carrier.carried
    assert await two.send(2) == (Status.SKIPPED, Reason.SUPPRESSED)


async def test_a_worker_that_dies_before_the_second_number_leaves_it_to_the_next(
    two: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    two.desk.carrier.answers.append(InvalidRecipient("no such number"))
    with monkeypatch.context() as patch:
        gate = type(two.desk.gate)
        whole, asked = gate.pass_or_refuse, 0

        async def once(self: Any, *args: Any, **options: Any) -> Any:
            nonlocal asked
            asked += 1
            if asked == 2:
                killing(two.desk, patch, "claimed")
            return await whole(self, *args, **options)

        patch.setattr(gate, "pass_or_refuse", once)
        await two.desk.die(**two.nudge())
    assert await two.send() == (Status.SENT, "second")
    assert len(two.desk.carrier.carried) == 1


@pytest.mark.parametrize(
    "refusal", [RecipientUnsubscribed("21610 stop"), ContentRejected("30007 spam")]
)
async def test_another_refusal_is_none_of_the_number_and_moves_nothing(
    two: Two, refusal: Exception
) -> None:
    two.desk.carrier.answers.append(refusal)
    status, reason = await two.send(1, **TRANSACTIONAL)
    assert status is Status.REJECTED
    assert not two.desk.carrier.carried
    assert reason in (Reason.OPTED_OUT, Reason.REFUSED)


async def test_a_message_that_may_be_out_takes_no_other_number(two: Two) -> None:
    two.desk.carrier.idempotent = False
    two.desk.carrier.answers.append(AmbiguousSend("no answer"))
    needed = two.nudge(1, **TRANSACTIONAL)
    await two.desk.again(**needed)
    await two.suppress(two.first)
    receipt = await two.desk.send(**needed)
    assert receipt.status is Status.UNKNOWN
    assert [parcel.address for parcel in two.desk.carrier.carried] == [two.first]
    assert await two.went_to() == "first"


async def test_a_message_that_may_be_out_goes_once_more_to_the_same_number(two: Two) -> None:
    two.desk.carrier.idempotent = False
    two.desk.carrier.answers += [InvalidRecipient("no such number"), AmbiguousSend("no answer")]
    needed = two.nudge(1, **TRANSACTIONAL)
    await two.desk.again(**needed)
    async with two.desk.store.transaction() as session:
        at = datetime.now(UTC)
        await suppressions.lift(session, Channel.SMS, two.first, at=at, by="test")
    assert (await two.desk.send(**needed)).status is Status.SENT
    assert [parcel.address for parcel in two.desk.carrier.carried] == [two.second] * 2


async def test_a_provider_is_asked_for_the_message_by_the_key_that_it_got(two: Two) -> None:
    two.desk.carrier.support_lookup()
    two.desk.carrier.answers += [InvalidRecipient("no such number"), AmbiguousSend("no answer")]
    await two.desk.again(**two.nudge())
    assert (await two.desk.send(waited=HOUR, **two.nudge())).status is Status.SENT
    assert len(two.desk.carrier.carried) == 1
    assert (await two.desk.attempts())[-1].settled_by == "look-up"


async def test_the_second_number_takes_what_the_installation_may_not_send_to_the_first(
    two: Two,
) -> None:
    gate = two.desk.gate_on(only_to=read_only_to(two.second))
    claim = await gate.pass_or_refuse(two.desk.delivery(**two.nudge()), NOON + 24 * HOUR)
    assert isinstance(claim, Claim)
    assert claim.address == two.second


async def test_one_number_in_two_spellings_is_one(two: Two) -> None:
    await two.desk.identify(phone="+5511991234567", phone2="+551191234567", hours=0)
    await two.suppress("+551191234567")
    receipt = await two.desk.send(**two.nudge())
    assert receipt.reason is Reason.SUPPRESSED


async def test_a_customer_with_the_second_number_alone_is_reached_there(two: Two) -> None:
    await two.desk.identify(phone="", hours=0)
    assert await two.send() == (Status.SENT, "second")


async def test_a_second_number_asks_the_gate_for_no_further_statement(two: Two) -> None:
    asked: list[str] = []

    def count(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        asked.append(statement)

    engine = two.desk.store.engine.sync_engine
    event.listen(engine, "before_cursor_execute", count)
    try:
        await two.desk.claim(**two.nudge(2))  # the first message of a run asks for less
        with_two = len(asked)
        await two.desk.identify(phone2="", hours=0)
        asked.clear()
        await two.desk.claim(**two.nudge(3))
        assert len(asked) == with_two
    finally:
        event.remove(engine, "before_cursor_execute", count)


# ---- what the customer says ----------------------------------------------------------------


@pytest.mark.parametrize("which", ["first", "second"])
async def test_a_stop_from_either_number_holds_for_both(two: Two, which: str) -> None:
    assert await two.send(1) == (Status.SENT, "first")
    (told,) = await two.write(getattr(two, which), "STOP")
    assert told is not None
    assert told.customer_id == two.desk.customer_id
    async with two.desk.store.reading() as session:
        *_, said = await consents.statements(session, two.desk.customer_id)
    assert said.address == getattr(two, which), "the number that said it"
    assert await two.send(2) == (Status.SKIPPED, Reason.NO_CONSENT)
    await two.suppress(two.first)
    assert (await two.send(3))[0] is Status.SKIPPED
    # not even what needs no consent moves to the other number
    assert await two.send(4, **TRANSACTIONAL) == (Status.SKIPPED, Reason.SUPPRESSED)


async def test_a_stop_from_a_number_that_nobody_wrote_to_holds_for_both(two: Two) -> None:
    await two.write(two.second, "STOP")
    assert await two.send(1) == (Status.SKIPPED, Reason.NO_CONSENT)


async def test_start_takes_the_stop_of_its_own_number_back(two: Two) -> None:
    await two.send(1)
    await two.write(two.second, "STOP")
    await two.write(two.first, "START")
    assert (await two.send(2))[0] is Status.SKIPPED, "the first had said no stop"
    await two.write(two.first, "STOP")
    await two.write(two.first, "START")
    assert (await two.send(3))[0] is Status.SKIPPED, "the second still says stop"
    await two.write(two.second, "START")
    assert await two.send(4) == (Status.SENT, "first")


async def test_a_no_by_call_leaves_needed_messages_to_the_second_number(two: Two) -> None:
    await two.desk.identify(marketingConsent={"sms": False}, hours=0)
    await two.suppress(two.first)
    assert await two.send(1) == (Status.SKIPPED, Reason.NO_CONSENT)
    assert await two.send(2, **TRANSACTIONAL) == (Status.SENT, "second")


async def test_a_reply_from_the_other_number_finds_the_newest_message(two: Two) -> None:
    await two.send(1)
    await two.send(2)
    (told,) = await two.write(two.second, "where is my order?")
    assert told is not None
    assert (told.customer_id, told.step) == (two.desk.customer_id, "nudge-2")


async def test_a_stranger_with_the_number_is_not_taken_for_the_customer(two: Two) -> None:
    await two.send(1)
    assert await two.write(f"+3934{uuid4().int % 10**8:08}", "hello") == [None]


async def test_a_dead_number_that_a_report_tells_leaves_the_next_message_to_the_second(
    two: Two,
) -> None:
    await two.send(1)
    row, now = await two.desk.row(), datetime.now(UTC)
    told = Report("e1" + str(uuid4()), Kind.BOUNCED, now, Channel.SMS, row.reference, hard=True)
    async with two.desk.store.transaction() as session:
        await reports.take(session, "carrier", told, now)
    assert await two.suppressed() == ["first"]
    assert await two.send(2) == (Status.SENT, "second")


async def test_free_text_by_whatsapp_goes_to_the_number_that_wrote_alone(two: Two) -> None:
    recorder, desk = Recorder(two.desk.store), two.desk

    async def claim(n: int) -> Claim:
        now = datetime.now(UTC)
        changes = two.nudge(n, Channel.WHATSAPP, useful_until=now + HOUR)
        return await desk.claim(now, **changes)

    async def send(n: int) -> None:
        passed = await claim(n)
        content = Content(Channel.WHATSAPP, "nudge", "en", text="hello")
        assert await recorder.submit(passed, desk.carrier, content, NOON)
        await recorder.sent(passed, desk.carrier, None)

    await send(1)
    assert not (await claim(2)).may_write_freely
    await two.write(two.first, "hi", Channel.WHATSAPP)
    assert (await claim(3)).may_write_freely
    await two.suppress(two.first, Channel.WHATSAPP)
    other = await claim(4)
    assert (other.address, other.may_write_freely) == (two.second, False)
    await send(5)
    await two.write(two.second, "hi", Channel.WHATSAPP)
    assert (await claim(6)).may_write_freely


async def test_the_word_of_the_customer_is_one_for_both_numbers(two: Two) -> None:
    async with two.desk.store.transaction() as session:
        person = await people.lock(session, two.desk.customer_id)
        await consents.record(session, person, Channel.SMS, granted=False, source="page")
    assert await two.send(1) == (Status.SKIPPED, Reason.NO_CONSENT)
