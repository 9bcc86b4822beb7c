"""Both evaluators of facts agree with their definition, whatever the customers and the facts."""

import os
from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from itertools import count

import pytest
import pytest_asyncio
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import insert
from sqlmodel import SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.addresses import normalised
from sojourn.domain.campaign_run import CampaignState
from sojourn.domain.facts import Answers, Fact, judge, look_up, read_fact, writers_of, written
from sojourn.domain.facts import consents as asks_consent
from sojourn.domain.facts.nodes import OfCampaign, WrittenTo
from sojourn.domain.facts.of_campaigns import asked_of_campaigns
from sojourn.domain.messages import Channel
from sojourn.domain.states import MessageState
from sojourn.store import Store, cards, consents
from sojourn.store.dialects import is_postgresql
from sojourn.store.facts import all as everybody
from sojourn.store.facts import one
from sojourn.store.tables import (
    CampaignRow,
    ConsentRow,
    CustomerRow,
    EventRow,
    LedgerRow,
    ListedRow,
    RefusalRow,
    ReportRow,
)
from tests.support.effort import fewer
from tests.support.facts import CUSTOMERS, DAY, FACTS, FROZEN, NOON, Made

EXAMPLES = int(os.environ.get("SOJOURN_FACTS", "0"))
effort = settings(max_examples=EXAMPLES) if EXAMPLES else fewer(0.5)
_numbers = count()


class _RollBack(Exception):
    pass


@pytest_asyncio.fixture(scope="module", loop_scope="session", params=["sqlite", "postgresql"])
async def store(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Store]:
    """Open stores that hold nobody else: others' tests store what PostgreSQL cannot read as text.

    A statement over all customers may look at any of them, those that it leaves out included.
    """
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('facts')}/test.db"
    else:
        url = await request.getfixturevalue("postgres").create()
    opened = await Store.open(url, migrate=True)
    yield opened
    await opened.close()


async def stored(session: AsyncSession, made: Sequence[Made]) -> list[str]:
    """Store customers, and return their ids."""
    ids = [f"made-{next(_numbers)}" for _ in made]
    rows: dict[type[SQLModel], list[SQLModel]] = {}
    refused = {}
    for customer_id, one_ in zip(ids, made, strict=True):
        row = CustomerRow(
            customer_id=customer_id,
            identified_at=NOON,
            erased_at=NOON if one_.erased else None,
            attributes=one_.traits,
        )
        for name, value in one_.card.items():
            setattr(row, name, value)
        rows.setdefault(CustomerRow, []).append(row)
        for number, event in enumerate(one_.happened):
            first = EventRow(
                message_id=f"{customer_id}-{number}",
                customer_id=customer_id,
                name=event.name,
                occurred_at=event.occurred_at,
                received_at=NOON,
                properties=dict(event.properties),
            )
            rows.setdefault(EventRow, []).append(first)
            if number in one_.copied:
                copy = {"message_id": f"{customer_id}-{number}-copy", "copy_of": first.message_id}
                rows[EventRow].append(first.model_copy(update=copy))
        for channel, topic, granted, day, later, end in one_.said:
            at = NOON + day * DAY
            rows.setdefault(ConsentRow, []).append(
                ConsentRow(
                    customer_id=customer_id,
                    channel=channel,
                    topic=topic,
                    granted=granted,
                    at=at,
                    received_at=None if granted else at + later * DAY,
                    source="a form",
                    expires_at=NOON + end * DAY if granted and end is not None else None,
                )
            )
        rows.setdefault(ListedRow, []).extend(
            ListedRow(list=name, customer_id=customer_id, at=NOON, source="a file")
            for name in one_.lists
        )
        rows.setdefault(LedgerRow, []).extend(messages(customer_id, one_))
        rows.setdefault(LedgerRow, []).extend(of_campaigns(customer_id, one_))
        card = cards.card(row)
        for name, topic, day in one_.refused:
            channel_ = Channel(name)
            for held in card.addresses(channel_)[-1:]:
                address = normalised(channel_, held)
                refused[name, address, topic] = RefusalRow(
                    channel=name, address=address, topic=topic, at=NOON + day * DAY, source="a link"
                )
    rows[RefusalRow] = list(refused.values())
    for table, some in rows.items():
        if some:
            without = {"seq"} if table is EventRow else {"id"}
            await session.exec(insert(table), params=[r.model_dump(exclude=without) for r in some])
    await clicks(session, ids, made)
    return ids


async def clicks(session: AsyncSession, ids: Sequence[str], made: Sequence[Made]) -> None:
    """Store the campaign that some facts ask about, and the clicks on its messages."""
    session.add(
        CampaignRow(
            id="spring", name="spring", digest="d", plan={"model": {"goals": ["Bought", "Other"]}},
            state=CampaignState.FINISHED, launched_at=FROZEN, launched_by="anna",
            frozen_at=FROZEN, changed_at=FROZEN,
        )
    )  # fmt: skip
    for customer_id, one_ in zip(ids, made, strict=True):
        for number, (*_, click) in enumerate(one_.campaigned):
            key = f"{customer_id}/campaign/{number}"
            row = (await session.exec(select(LedgerRow).where(LedgerRow.ledger_key == key))).one()
            days = {"opened": 0} if click is None else {"opened": 0, "clicked": click}
            for kind, day in days.items():
                session.add(
                    ReportRow(
                        provider="p", event_id=f"{key}/{kind}", ledger_id=row.id, kind=kind,
                        at=NOON + day * DAY, received_at=NOON,
                    )
                )  # fmt: skip
    await session.flush()


def of_campaigns(customer_id: str, made: Made) -> Iterator[LedgerRow]:
    """Yield the messages of campaigns to a customer."""
    for number, (campaign, state, channel, day, _) in enumerate(made.campaigned):
        key = f"{customer_id}/campaign/{number}"
        yield LedgerRow(
            ledger_key=key, reference=key, message_id=key, workflow_id=f"campaign:{campaign}",
            enrolment=key, journey=campaign, customer_id=customer_id, n=1, step="s", template="s",
            channel=channel, message_class="promotional", topic="t",
            state=MessageState(state), due_at=NOON, decided_at=NOON + day * DAY,
        )  # fmt: skip


def messages(customer_id: str, made: Made) -> Iterator[LedgerRow]:
    """Yield the messages that were decided on of a customer."""
    for number, (journey, state, day) in enumerate(made.messages):
        key = f"{customer_id}/{number}"
        yield LedgerRow(
            ledger_key=key, reference=key, message_id=key, workflow_id=key, enrolment=key,
            journey=journey, customer_id=customer_id, n=1, step="s", template="s",
            channel="email", message_class="promotional", topic="t",
            state=MessageState(state), due_at=NOON, decided_at=NOON + day * DAY,
        )  # fmt: skip


async def judged(
    session: AsyncSession, fact: Fact, person: CustomerRow, made: Made, own: Collection[str]
) -> bool | None:
    """Judge a fact by its definition: the customer's events in a list."""
    said = await consents.current(session, person.customer_id, now=NOON)
    card = cards.card(person)
    for channel in () if card.erased else Channel:
        passes = said.refusal(channel, "offers", needs_own_yes="offers" in own) is None
        agrees = judge(asks_consent(channel, "offers"), Answers(NOON, card, said, own=own)).holds
        assert (agrees is True) is passes, "the fact says what the gate does"
    answers = Answers(
        NOON,
        card,
        said,
        own=own,
        lists=made.lists,
        written_to={one for one in writers_of(fact) if _wrote(one, made)},
        campaigns={one: _became(one, made) for one in asked_of_campaigns(fact)},
    )
    return judge(fact, look_up(fact, answers, made.happened)).holds


def _wrote(fact: WrittenTo, made: Made) -> bool:
    """Tell by its definition whether somebody wrote to a customer, or is about to."""
    return any(
        journey == fact.by
        and state not in ("skipped", "rejected")
        and NOON - fact.within < NOON + day * DAY <= NOON
        for journey, state, day in made.messages
    )


def _became(fact: OfCampaign, made: Made) -> bool | None:
    """Tell by its definition what became of a campaign's message to a customer."""
    mine = [one for one in made.campaigned if one[0] == fact.campaign and one[3] <= 0]
    sent = [one for one in mine if one[1] == "sent"]
    doubtful = [one for one in mine if one[1] in ("unknown", "submitting")]
    if fact.asks == "received":
        return True if sent else None if doubtful else False
    if fact.asks == "clicked":
        if any(click is not None and click <= 0 for *_, click in mine):
            return True
        return None if any(one[2] != "email" for one in [*sent, *doubtful]) else False
    bought = (one.occurred_at for one in made.happened if one.name == "Bought")
    return fact.campaign == "spring" and any(FROZEN < at <= NOON for at in bought)


@effort
@given(
    made=st.lists(CUSTOMERS, min_size=1, max_size=12),
    facts=st.lists(FACTS, min_size=1, max_size=4),
    own=st.sampled_from([(), ("offers",)]),
)
async def test_both_evaluators_agree_with_the_definition(
    store: Store, made: list[Made], facts: list[Fact], own: Collection[str]
) -> None:
    try:
        async with store.transaction() as session:
            ids = await stored(session, made)
            people = {
                row.customer_id: row
                for row in await session.exec(
                    select(CustomerRow).where(col(CustomerRow.customer_id).in_(ids))
                )
            }
            for fact in facts:
                assert read_fact(written(fact)) == fact
                found = {}
                for holds, asked in ((True, fact), (False, ~fact)):
                    statement = everybody.holders(
                        asked, NOON, postgresql=is_postgresql(session), own=own
                    )
                    mine = statement.where(col(CustomerRow.customer_id).in_(ids))
                    connection = await session.connection()
                    for (customer_id,) in await connection.execute(mine):
                        assert customer_id not in found
                        found[customer_id] = holds
                for customer_id, one_ in zip(ids, made, strict=True):
                    expected = await judged(session, fact, people[customer_id], one_, own)
                    assert found.get(customer_id) is expected, (fact, one_)
                    answer = await one.judged(session, people[customer_id], fact, NOON, own=own)
                    assert answer.holds is expected, (fact, one_, answer)
            raise _RollBack
    except _RollBack:
        pass
