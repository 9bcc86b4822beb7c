"""STOP, START and HELP: obeyed for the address, answered once, and never late."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import delete, update
from sqlmodel import col, select

from sojourn.channels import reply_reports
from sojourn.domain.customer import read_identity
from sojourn.domain.errors import (
    AccountError,
    AmbiguousSend,
    RecipientUnsubscribed,
    TransientError,
)
from sojourn.domain.messages import Channel
from sojourn.domain.only_to import read_only_to
from sojourn.domain.reports import writable
from sojourn.domain.switches import Part, Scope
from sojourn.rendering.answers import Answers, Shop
from sojourn.sending.answering import answer_replies, forget_old
from sojourn.settings import Settings
from sojourn.store import Store, cards, consents, pauses, people, refusals, reports, switches
from sojourn.store.tables import AnswerRow
from sojourn.testkit.fakes import serving
from sojourn.testkit.fakes.twilio import FakeTwilio
from tests.support.desk import Carrier, Killed
from tests.support.project import PROJECT

WORDS = Answers([], Shop("Mugs", "https://mugs.example", "help@mugs.example"), "en")
MINUTE = timedelta(minutes=1)


class Phone:
    """A person with a phone, and the provider that carries to it."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.number = f"+39333{uuid4().int % 10**7:07}"
        self.carrier = Carrier()

    async def has(
        self, customer_id: str = "", *, agrees: bool | None = True, locale: str = "it-IT"
    ) -> str:
        """Have a call say that a customer has the number; return their id."""
        traits: dict[str, Any] = {"phone": self.number, "locale": locale}
        if agrees is not None:
            traits["marketingConsent"] = {"sms": agrees, "whatsapp": agrees}
        call = read_identity(
            traits,
            customer_id=customer_id or f"c-{uuid4()}",
            message_id=str(uuid4()),
            at=datetime.now(UTC) - (MINUTE / 60 if customer_id else MINUTE),
        )
        async with self.store.transaction() as session:
            await cards.identify(session, call)
        return call.customer_id

    async def write(
        self,
        text: str,
        *,
        event_id: str = "",
        at: datetime | None = None,
        channel: Channel = Channel.SMS,
        **options: Any,
    ) -> str:
        """Have a webhook bring a reply; return its id."""
        now = at or datetime.now(UTC)
        event_id = event_id or str(uuid4())
        for told in reply_reports(
            text, event_id=event_id, at=now, channel=channel, address=self.number, **options
        ):
            async with self.store.transaction() as session:
                await reports.take(session, "twilio", writable(told, now), now)
        return event_id

    async def answer(self, only_to: str = "") -> int:
        carriers = dict.fromkeys(Channel, self.carrier)
        return await answer_replies(self.store, carriers, WORDS, read_only_to(only_to))

    @property
    def heard(self) -> list[str]:
        return [parcel.content.text for parcel in self.carrier.carried]

    async def rows(self) -> list[tuple[str, str, str | None]]:
        async with self.store.reading() as session:
            query = select(AnswerRow).where(AnswerRow.address == self.number)
            rows = (await session.exec(query.order_by(col(AnswerRow.id)))).all()
        return [(row.meaning, row.state, row.reason) for row in rows]

    async def agrees(self, customer_id: str, channel: Channel = Channel.SMS) -> bool | None:
        async with self.store.reading() as session:
            return (await consents.current(session, customer_id)).by_channel.get(channel)


@pytest.fixture
async def phone(store: Store) -> AsyncIterator[Phone]:
    async with store.transaction() as session:  # tests share the store
        await session.exec(delete(AnswerRow))
    yield Phone(store)
    async with store.transaction() as session:
        await session.exec(delete(AnswerRow))
        for channel in Channel:
            await pauses.end(session, channel)
        await switches.end(session, Scope.ALL, "", list(Part), because="ok", by="anna")


async def test_a_stop_holds_and_is_confirmed_once_in_the_customers_language(phone: Phone) -> None:
    ada, bob = await phone.has(), await phone.has()
    event_id = await phone.write("Stop please")
    await phone.write("Stop please", event_id=event_id)  # the webhook once more
    assert await phone.answer() == 1
    assert await phone.answer() == 0
    (text,) = phone.heard
    assert text.startswith("Mugs: sei disiscritto")
    assert await phone.agrees(ada) is await phone.agrees(bob) is False
    assert await phone.agrees(ada, Channel.WHATSAPP) is True
    assert await phone.rows() == [("stop", "sent", None)]


async def test_a_customer_who_says_stop_again_and_again_is_answered_once(phone: Phone) -> None:
    for text in ("STOP", "Basta!", "ho detto basta, non scrivetemi più"):
        await phone.write(text)
    assert await phone.answer() == 1


@pytest.mark.parametrize(
    ("text", "locale", "begins"),
    [
        ("ZATRZYMAJ", "", "Mugs: rezygnacja przyjęta"),
        ("BASTA", "", "Mugs: sei disiscritto"),
        ("unsubscribe", "", "Mugs: you are unsubscribed"),
        ("STOP", "", "Mugs: you are unsubscribed"),
        ("STOP", "pl_PL", "Mugs: rezygnacja przyjęta"),
        ("STOP", "de-DE", "Mugs: you are unsubscribed"),
        ("HELP", "it", "Mugs ti scrive qui. Domande? help@mugs.example"),
        ("pomoc", "", "Mugs pisze do Ciebie"),
    ],
)
async def test_the_answer_is_in_the_language_of_the_card_else_of_the_word(
    phone: Phone, text: str, locale: str, begins: str
) -> None:
    if locale:
        await phone.has(locale=locale)
    await phone.write(text)
    assert await phone.answer() == 1
    assert phone.heard[0].startswith(begins)


async def test_start_takes_a_stop_back_as_far_as_it_went(phone: Phone) -> None:
    ada, never = await phone.has(), await phone.has(agrees=None)
    await phone.write("STOP")
    await phone.write("STOP", channel=Channel.WHATSAPP)
    assert await phone.agrees(ada) is False
    await phone.write("riprendi per favore")
    assert await phone.agrees(ada) is True
    assert await phone.agrees(never) is None, "START is no consent of somebody who never agreed"
    assert await phone.agrees(ada, Channel.WHATSAPP) is False, "another channel stays stopped"
    await phone.answer()
    assert phone.heard[-1].startswith("Mugs: da ora ricevi di nuovo")
    await phone.write("STOP")
    assert await phone.agrees(ada) is False


async def test_start_takes_back_what_the_customer_said_by_stop(phone: Phone) -> None:
    """A stop that is about a message of ours is a statement of that customer as well."""
    ada = await phone.has()
    await phone.write("STOP")
    async with phone.store.transaction() as session:
        person = await people.lock(session, ada)
        await consents.record(session, person, Channel.SMS, granted=False, source="twilio:SM1")
    await phone.write("START")
    assert await phone.agrees(ada) is True


async def test_start_takes_no_other_no_back(phone: Phone) -> None:
    ada = await phone.has()
    await phone.has(ada, agrees=False)
    await phone.write("START")
    assert await phone.agrees(ada) is False
    assert await phone.rows() == []
    await phone.write("STOP")
    await phone.write("START")
    assert await phone.agrees(ada) is False, "the form said no before the stop did"


async def test_a_start_that_comes_again_late_takes_no_later_stop_back(phone: Phone) -> None:
    ada = await phone.has()
    now = datetime.now(UTC)
    await phone.write("STOP", at=now)
    start = await phone.write("START", at=now + MINUTE / 60)
    await phone.write("STOP", at=now + MINUTE / 30)
    await phone.write("START", event_id=start, at=now + MINUTE)
    assert await phone.agrees(ada) is False


async def test_what_the_provider_answers_is_answered_once(phone: Phone) -> None:
    await phone.write("STOP", answered=True)
    assert await phone.answer() == 0
    assert await phone.rows() == []


async def test_a_reply_that_is_no_command_is_not_answered(phone: Phone) -> None:
    await phone.write("Where does the bus stop?")
    assert await phone.rows() == []


# ---- an answer leaves once, or not at all --------------------------------------------------


async def test_an_answer_that_was_perhaps_sent_is_not_sent_again(phone: Phone) -> None:
    await phone.write("STOP")
    phone.carrier.answers.append(AmbiguousSend("no answer"))
    await phone.answer()
    assert await phone.answer() == 0
    assert len(phone.heard) == 1
    assert await phone.rows() == [("stop", "unknown", None)]


async def test_an_answer_of_a_worker_that_died_is_not_sent_again(phone: Phone) -> None:
    await phone.write("STOP")
    phone.carrier.answers.append(Killed())
    with pytest.raises(Killed):
        await phone.answer()
    assert await phone.answer() == 0
    assert await phone.rows() == [("stop", "claimed", None)]


@pytest.mark.parametrize("fault", [TransientError("busy"), AccountError("401")])
async def test_an_answer_that_was_not_sent_is_tried_again_while_it_is_of_use(
    phone: Phone, fault: Exception
) -> None:
    await phone.write("STOP")
    phone.carrier.answers.append(fault)
    assert await phone.answer() == 0
    assert await phone.rows() == [("stop", "waiting", None)]
    assert await phone.answer() == 1


async def test_an_answer_is_dropped_after_five_minutes(phone: Phone) -> None:
    await phone.write("STOP")
    async with phone.store.transaction() as session:
        await session.exec(update(AnswerRow).values(at=datetime.now(UTC) - 6 * MINUTE))
    assert await phone.answer() == 0
    assert await phone.rows() == [("stop", "dropped", "too_late")]


async def test_many_workers_send_an_answer_once(phone: Phone) -> None:
    await phone.write("STOP")
    assert sum(await asyncio.gather(*(phone.answer() for _ in range(6)))) == 1
    assert len(phone.heard) == 1


async def test_a_refusal_of_the_provider_is_the_end(phone: Phone) -> None:
    await phone.write("STOP")
    phone.carrier.answers.append(RecipientUnsubscribed("21610"))
    assert await phone.answer() == 0
    assert await phone.rows() == [("stop", "dropped", "opted_out")]


async def test_an_answer_goes_only_to_whom_the_installation_may_write(phone: Phone) -> None:
    await phone.write("STOP")
    assert await phone.answer(only_to="@team.test") == 0
    assert phone.heard == []
    assert await phone.rows() == [("stop", "dropped", "only_to")]


async def test_an_answer_waits_while_its_channel_or_everything_is_paused(phone: Phone) -> None:
    await phone.write("STOP")
    async with phone.store.transaction() as session:
        await pauses.begin(session, Channel.SMS, because="x", by="anna")
    assert await phone.answer() == 0
    async with phone.store.transaction() as session:
        await pauses.end(session, Channel.SMS)
        await switches.begin(
            session, Scope.ALL, "", [Part.SENDS], closed=False, because="x", by="anna"
        )
    assert await phone.answer() == 0
    async with phone.store.transaction() as session:
        await switches.end(session, Scope.ALL, "", [Part.SENDS], because="ok", by="anna")
    assert await phone.answer() == 1


async def test_an_hour_later_nothing_tells_whose_answer_it_was(phone: Phone) -> None:
    await phone.has()
    await phone.write("STOP")
    await phone.answer()
    await forget_old(phone.store)
    assert len(await phone.rows()) == 1
    async with phone.store.transaction() as session:
        await session.exec(update(AnswerRow).values(at=datetime.now(UTC) - timedelta(minutes=61)))
    await forget_old(phone.store)
    async with phone.store.reading() as session:
        rows = (await session.exec(select(AnswerRow))).all()
        refused = await refusals.against(session, [(Channel.SMS, phone.number)])
    assert [(row.address, row.customer_id, row.state) for row in rows] == [("", "", "sent")]
    assert len(refused) == 1, "the refusal stays"


# ---- by a provider -------------------------------------------------------------------------


@pytest.mark.parametrize("channel", [Channel.SMS, Channel.WHATSAPP])
async def test_an_answer_reaches_the_customer_by_the_provider(
    phone: Phone, channel: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = FakeTwilio()
    async with serving(fake):
        for name, value in fake.environment().items():
            monkeypatch.setenv(name, value)
        settings = Settings(sms_provider="twilio", whatsapp_provider="twilio")
        carriers = PROJECT.carriers.chosen(settings, [channel])
        await phone.write("ZATRZYMAJ!!", channel=channel)
        assert await answer_replies(phone.store, carriers, WORDS) == 1
        (taken,) = fake.accepted
        assert taken.text.startswith("Mugs: rezygnacja przyjęta")
        assert phone.number in taken.address
        for provider in set(carriers.values()):
            await provider.close()
