"""Messages that ask to confirm: while the request is open, to its address, seldom enough."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from sojourn.domain.events import OptInRequested
from sojourn.domain.messages import Channel, Delivery, MessageClass, Reason, Receipt
from sojourn.domain.opt_ins import LASTS
from sojourn.domain.rules import NO_RULES
from sojourn.sending.drafting import Claim
from sojourn.sending.gate import Gate
from sojourn.sending.grounds import Grounds
from sojourn.store import cards, consents, events, opting, people, refusals, suppressions
from sojourn.store.tables import EventRow
from sojourn.testkit.kit import MONDAY_NOON as NOON
from tests.support.desk import DAY, HOUR, Desk

SMS_TOO = (Channel.EMAIL, Channel.SMS)


class Asker(Desk):
    """One customer who asks for messages."""

    async def ask(
        self, topic: str = "newsletter", channel: str = "email", hours: float = 0
    ) -> EventRow:
        """Store a request as the dispatcher does."""
        event = OptInRequested(
            customer_id=self.customer_id,
            channel=channel,
            topic=topic,
            occurred_at=NOON + hours * HOUR,
        )
        async with self.store.transaction() as session:
            person = await people.lock(session, self.customer_id)
            row, _ = await events.add(
                session,
                EventRow(
                    message_id=event.message_id,
                    customer_id=person.customer_id,
                    name=event.event_name,
                    occurred_at=event.occurred_at,
                    received_at=event.occurred_at,
                    properties=event.properties(),
                ),
            )
            await opting.ask(session, person, row, event)
        self.start = row
        return row

    def asking(self, row: EventRow, **changes: Any) -> Delivery:
        """Return the message that asks to confirm a request."""
        key = row.properties["opt_in"]
        self.start = row
        return self.delivery(
            **{
                "workflow_id": f"double-opt-in:{self.customer_id}:{key}",
                "journey": "double-opt-in",
                "key": key,
                "key_field": "opt_in",
                "step": "confirm",
                "template": "confirm",
                "channels": SMS_TOO,
                "message_class": MessageClass.TRANSACTIONAL,
                "topic": "confirmation",
                "due": NOON,
                "useful_until": NOON + 30 * DAY,
                "now": NOON,
                "goals": ("Opt-In Confirmed",),
                "ends": ("Opt-In Withdrawn",),
                "restarts": ("Opt-In Requested",),
                "starts": ("Opt-In Requested",),
                "cause": row.message_id,
                **changes,
            }
        )

    async def pass_(
        self, row: EventRow, after: timedelta = HOUR, **changes: Any
    ) -> Claim | Reason | None:
        """Ask the gate; return the claim, or the reason why there is none."""
        answer = await Gate(self.store, Grounds(lambda: NO_RULES, "UTC")).pass_or_refuse(
            self.asking(row, **changes), NOON + after
        )
        assert isinstance(answer, Claim | Receipt)
        return answer if isinstance(answer, Claim) else answer.reason

    async def say(
        self, *, granted: bool, hours: float, topic: str = "newsletter", **how: Any
    ) -> None:
        """Have the customer say yes or no in another way."""
        async with self.store.transaction() as session:
            person = await people.lock(session, self.customer_id)
            at = NOON + hours * HOUR
            await consents.record(
                session, person, Channel.EMAIL, granted=granted, topic=topic, at=at,
                received_at=at, source="test", **how,
            )  # fmt: skip


@pytest.fixture
async def asker(desk: Desk) -> Asker:
    asker = Asker(desk.store, desk.customer_id)
    address = f"{desk.customer_id}@shop.example"
    await asker.identify(hours=-0.5, email=address, phone="+393201234568", marketingConsent=False)
    return asker


async def test_it_leaves_without_consent_by_the_channel_that_was_asked_for(asker: Asker) -> None:
    claim = await asker.pass_(await asker.ask())
    assert isinstance(claim, Claim)
    assert claim.address == f"{asker.customer_id}@shop.example"
    assert claim.opt_in is not None
    assert (claim.opt_in.topic, claim.opt_in.until) == ("newsletter", NOON + LASTS)
    sms = await asker.pass_(await asker.ask(channel="sms"), channel=Channel.SMS)
    assert isinstance(sms, Claim)
    assert sms.channel is Channel.SMS


async def test_another_channel_of_the_message_does_not_stand_in(asker: Asker) -> None:
    row = await asker.ask()
    await asker.identify(hours=0.5, email="")
    assert await asker.pass_(row, after=2 * HOUR) is Reason.NO_ADDRESS


async def test_a_promotional_message_gains_nothing_from_a_request(asker: Asker) -> None:
    row = await asker.ask()
    promotional = {"message_class": MessageClass.PROMOTIONAL, "topic": "newsletter"}
    assert await asker.pass_(row, after=2 * HOUR, **promotional) is Reason.NO_CONSENT


async def test_a_suppressed_address_is_asked_nothing(asker: Asker) -> None:
    row = await asker.ask()
    async with asker.store.transaction() as session:
        await suppressions.add(
            session, Channel.EMAIL, f"{asker.customer_id}@shop.example",
            because="complained", at=NOON, source="test",
        )  # fmt: skip
    assert await asker.pass_(row) is Reason.SUPPRESSED


@pytest.mark.parametrize("topic", ["newsletter", ""])
async def test_a_no_since_holds_it_for_good(asker: Asker, topic: str) -> None:
    row = await asker.ask()
    await asker.say(granted=False, hours=0.5, topic=topic)
    assert await asker.pass_(row) is Reason.RUN_STOPPED


async def test_a_no_of_the_address_holds_it_too(asker: Asker) -> None:
    row = await asker.ask()
    async with asker.store.transaction() as session:
        address = f"{asker.customer_id}@shop.example"
        await refusals.add(
            session, Channel.EMAIL, address, topic="", at=NOON + HOUR / 2, source="stop"
        )
    assert await asker.pass_(row) is Reason.NO_LONGER
    (said,) = [one for one in await asker.rows() if one.step == "confirm"]
    assert said.detail == "the customer has said no since the request"


async def test_a_yes_from_an_import_holds_it(asker: Asker) -> None:
    row = await asker.ask()
    await asker.say(granted=True, hours=-0.25, remembered=True)
    assert await asker.pass_(row) is Reason.GOAL_REACHED


async def test_a_yes_since_has_reached_the_goal(asker: Asker) -> None:
    row = await asker.ask()
    await asker.say(granted=True, hours=0.5)
    assert await asker.pass_(row) is Reason.GOAL_REACHED


async def test_a_no_of_before_does_not_hold_a_new_request(asker: Asker) -> None:
    await asker.say(granted=False, hours=-1)
    assert isinstance(await asker.pass_(await asker.ask()), Claim)


async def test_a_request_that_was_held_up_brings_nothing_back(asker: Asker) -> None:
    await asker.say(granted=False, hours=0)
    row = await asker.ask(hours=-1)
    assert await asker.pass_(row) in (Reason.NO_LONGER, Reason.RUN_STOPPED)


async def test_a_request_grows_old_by_the_journeys_clock(asker: Asker) -> None:
    row = await asker.ask()
    assert isinstance(await asker.pass_(row, after=LASTS - HOUR), Claim)
    assert await asker.pass_(row, after=LASTS, step="reminder") is Reason.NO_LONGER


async def test_a_request_that_is_not_kept_asks_nobody(asker: Asker) -> None:
    event = OptInRequested(
        customer_id=asker.customer_id, channel="email", topic="newsletter", occurred_at=NOON
    )
    row = await asker.keep(event)
    assert await asker.pass_(row) is Reason.NO_LONGER


async def test_an_address_is_asked_so_often_a_day_and_no_more(asker: Asker) -> None:
    """Whatever the topics: somebody may type a stranger's address into a form all day."""
    found = [await asker.pass_(await asker.ask(f"topic-{n}")) for n in range(5)]
    assert [isinstance(one, Claim) for one in found] == [True, True, True, False, False]
    assert found[3] is Reason.ASKED_ENOUGH
    row = await asker.ask("topic-9")
    assert await asker.pass_(row, after=24 * HOUR) is Reason.ASKED_ENOUGH
    assert isinstance(await asker.pass_(await asker.ask("topic-10"), after=26 * HOUR), Claim)


async def test_many_customers_at_once_ask_one_address_no_more_often(asker: Asker) -> None:
    address = f"victim-{uuid4()}@shop.example"
    crowd = [Asker(asker.store, f"{asker.customer_id}-{n}") for n in range(12)]
    rows = []
    for number, one in enumerate(crowd):
        spelling = address.upper() if number % 2 else address
        await one.identify(email=spelling)
        rows.append(await one.ask(f"topic-{number}"))
    found = await asyncio.gather(*(one.pass_(row) for one, row in zip(crowd, rows, strict=True)))
    assert sum(isinstance(one, Claim) for one in found) == 3
    assert found.count(Reason.ASKED_ENOUGH) == 9


async def test_a_message_that_is_tried_again_counts_once(asker: Asker) -> None:
    """It counts from its claim on, and not twice for its second try."""
    rows = [await asker.ask(f"topic-{n}") for n in range(3)]
    for row in rows:
        assert isinstance(await asker.pass_(row), Claim)
    async with asker.store.reading() as session:
        person = await cards.find(session, asker.customer_id)
        assert person is not None
        counted = await opting.counted_as(session, Channel.EMAIL, person.email)
    ids = [asker.asking(row).message_id for row in rows]
    async with asker.store.transaction() as session:
        now = NOON + 2 * HOUR
        assert await opting.times_asked(session, counted, besides=ids[0], now=now) == 2
        assert await opting.times_asked(session, counted, besides="", now=now) == 3
    assert "@" not in counted
