"""An erased person is gone from every row, and no later call brings them back."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest
from sqlmodel import SQLModel, select

from sojourn.domain.customer import read_identity
from sojourn.domain.messages import Channel
from sojourn.domain.reports import Kind, Report
from sojourn.domain.stopping import Meaning
from sojourn.store import Store, cards, joining, people, refusals, reports, suppressions, tombstones
from sojourn.store.rights import erasing, erasures
from sojourn.store.rights.erasing import Todo
from sojourn.store.rights.person import person_of
from sojourn.store.tables import (
    CustomerRow,
    ErasureRow,
    LedgerRow,
    RunRow,
)
from tests.integration.store.test_export import LIVED, export, lived
from tests.support.rows import NOON, claimed, identify, row_of, submit


async def erase(store: Store, customer_id: str) -> ErasureRow:
    async with store.transaction() as session:
        row, _ = await erasing.begin(session, customer_id, why="asked", by="anna")
    return row


async def finish(store: Store, number: int | None) -> bool:
    async with store.transaction() as session:
        return await erasing.finish(session, number or 0, histories=0)


async def everything(store: Store, *, but: tuple[str, ...] = ()) -> str:
    """Return every row of every table as one text."""
    told = []
    async with store.reading() as session:
        for name, table in SQLModel.metadata.tables.items():
            if name not in but:
                told += [f"{name} {row}" for row in (await session.exec(select(*table.c))).all()]
    return "\n".join(told)


async def test_no_row_names_an_erased_person(store: Store, customer_id: str) -> None:
    anonymous = f"anon-{customer_id}"
    await lived(store, customer_id, anonymous)
    before = await everything(store)
    assert customer_id in before
    row = await erase(store, anonymous)
    left = (await everything(store, but=("erasures",))).replace(f"{customer_id}-other", "")
    assert [line for line in left.splitlines() if customer_id in line.lower()] == []
    assert customer_id in str(row.todo), "what is still to be looked for"
    async with store.transaction() as session:  # nothing was really under way
        found = await erasures.held(session, row.id or 0)
        assert found is not None
        assert found.todo
        found.todo = {**found.todo, "not_before": None}
        session.add(found)
    assert await finish(store, row.id)
    left = (await everything(store)).replace(f"{customer_id}-other", "")
    assert [line for line in left.splitlines() if customer_id in line.lower()] == []
    async with store.reading() as session:
        proof = await session.get(ErasureRow, row.id)
    assert proof is not None
    assert (proof.why, proof.by, proof.todo, proof.fault) == ("asked", "anna", None, None)
    assert proof.counts["events"] == 2
    assert proof.counts["customers"] == 2
    assert set(proof.counts) >= LIVED


async def test_what_stays_counts_and_tells_of_nobody(store: Store, customer_id: str) -> None:
    sent, other = [await claimed(store, customer_id) for _ in range(2)]
    assert await submit(store, sent, 1)
    before = await row_of(store, sent)
    await erase(store, customer_id)
    row = await row_of(store, sent)
    assert (row.journey, row.step, row.channel, row.topic, row.due_at) == (
        before.journey, before.step, before.channel, before.topic, before.due_at,
    )  # fmt: skip
    assert row.state == "unknown", "it was being handed over"
    assert row.customer_id.startswith("erased:")
    assert row.workflow_id == f"{row.customer_id}/abandoned-cart/0"
    second = await row_of(store, other)
    assert (second.state, second.reason) == ("skipped", "erased")
    assert second.workflow_id == row.workflow_id, "rows of one run stay together"
    assert not await submit(store, other, 1), "a worker that was about to hand it over does not"
    async with store.reading() as session:
        assert await tombstones.of(session, customer_id) not in (None, row.customer_id)


async def test_no_later_call_brings_the_person_back(store: Store, customer_id: str) -> None:
    await identify(store, customer_id, 0, email="ada@shop.example")
    erasure = await erase(store, customer_id)
    again = await identify(store, customer_id, 1, email="ada@shop.example", first_name="Ada")
    assert (again.erased, again.email, again.first_name) == (True, "", "")
    other = f"eva-{customer_id}"
    await identify(store, other, 0, email="eva@shop.example")
    for pair in ((customer_id, other), (other, customer_id)):
        async with store.transaction() as session:
            joined = await joining.join(session, *pair, at=NOON)
        assert not joined.moved
    async with store.reading() as session:
        living, gone = [await cards.find(session, one) for one in (other, customer_id)]
        assert await session.get(CustomerRow, customer_id) is None
        proof = await session.get(ErasureRow, erasure.id)
    assert living is not None
    assert (living.erased, living.email) == (False, "eva@shop.example")
    assert gone is not None
    assert (gone.erased, gone.email) == (True, "")
    assert proof is not None
    assert proof.dropped == 1


async def test_erasing_again_changes_nothing(store: Store, customer_id: str) -> None:
    await identify(store, customer_id, 0, email="ada@shop.example")
    async with store.transaction() as session:
        first, new = await erasing.begin(session, customer_id, why="asked", by="anna")
    assert new
    async with store.transaction() as session:
        second, new = await erasing.begin(session, customer_id, why="again", by="ben")
    assert (second.id, second.by, new) == (first.id, "anna", False)


async def test_somebody_whom_nobody_named_gets_a_tombstone_too(
    store: Store, customer_id: str
) -> None:
    await erase(store, customer_id)
    assert (await identify(store, customer_id, 0, email="ada@shop.example")).erased


async def test_a_no_and_a_dead_address_outlive_the_person(store: Store, customer_id: str) -> None:
    email = f"{customer_id}@shop.example"
    await identify(store, customer_id, 0, email=email, marketingConsent={"email": True})
    async with store.transaction() as session:
        await suppressions.add(
            session, Channel.EMAIL, email, because="complained", at=NOON, source="p:1"
        )
        await refusals.add(session, Channel.EMAIL, email, topic="", at=NOON, source="link")
    await erase(store, customer_id)
    asked = [(Channel.EMAIL, email.upper())]
    async with store.reading() as session:
        assert await suppressions.suppressed(session, asked) == set(asked)
        assert len(await refusals.against(session, asked)) == 1


@pytest.mark.parametrize(
    ("channel", "address"),
    [(Channel.EMAIL, "{}@shop.example"), (Channel.SMS, "+39333{}"), (Channel.PUSH, "token {}")],
)
async def test_what_is_told_later_of_an_erased_address_is_kept_hashed(
    store: Store, customer_id: str, channel: Channel, address: str
) -> None:
    number = str(int(customer_id.removeprefix("c-"), 16))[:7]
    written = address.format(number if channel is Channel.SMS else customer_id)
    kind = {Channel.EMAIL: "email", Channel.SMS: "phone", Channel.PUSH: "pushToken"}[channel]
    await identify(store, customer_id, 0, **{kind: written})
    await erase(store, customer_id)
    async with store.transaction() as session:
        await suppressions.add(
            session, channel, written, because="bounced", at=NOON, source="postmark:1"
        )
        await refusals.add(session, channel, written, topic="", at=NOON, source="postmark:1")
    left = await everything(store, but=("erasures",))
    assert written not in left
    async with store.reading() as session:
        asked = [(channel, written)]
        assert await suppressions.suppressed(session, asked) == set(asked)
        assert len(await refusals.against(session, asked)) == 1


async def test_an_answer_to_a_former_number_is_erased(store: Store, customer_id: str) -> None:
    number = f"+39333{int(customer_id.removeprefix('c-'), 16) % 10**7:07}"
    await identify(store, customer_id, 0, phone=number)
    await identify(store, customer_id, 1, phone="+393331112223")
    report = Report(
        event_id=customer_id, kind=Kind.REPLIED, at=NOON, channel=Channel.SMS, address=number,
        meaning=Meaning.HELP,
    )  # fmt: skip
    async with store.transaction() as session:
        await reports.take(session, "twilio", report, NOON)
    assert number in await everything(store)
    await erase(store, customer_id)
    assert number not in await everything(store, but=("erasures",))


async def test_a_hand_over_that_is_under_way_is_waited_for(store: Store, customer_id: str) -> None:
    sent = await claimed(store, customer_id)
    assert await submit(store, sent, 1)
    row = await erase(store, customer_id)
    async with store.transaction() as session:  # its worker comes with the provider's words
        ledger = (await session.exec(select(LedgerRow).where(LedgerRow.id == sent))).one()
        ledger.detail, ledger.provider_id = f"no mailbox {customer_id}@shop.example", "p-1"
        session.add(ledger)
    assert not await finish(store, row.id)
    kept = await row_of(store, sent)
    assert (kept.detail, kept.provider_id) == (None, None)


async def test_a_run_that_was_just_being_started_is_deleted_as_well(
    store: Store, customer_id: str
) -> None:
    row = await erase(store, customer_id)
    assert await finish(store, row.id)
    late = RunRow(
        workflow_id=f"onboarding:{customer_id}",
        run_id="r1",
        journey="onboarding",
        customer_id=customer_id,
        enrolment="e",
        started_at=NOON,
    )
    async with store.transaction() as session:
        person = await people.lock(session, customer_id)
        await erasing.reopen(session, person.customer_id, late)
    async with store.reading() as session:
        (found,) = [one for one in await erasures.unfinished(session) if one.id == row.id]
    assert found.todo
    assert Todo.read(found.todo).runs == ((late.workflow_id, "r1"),)
    assert await finish(store, row.id)


@pytest.mark.parametrize("known", [True, False])
async def test_an_erasure_and_a_call_at_the_same_time_leave_nobody(
    store: Store, known: bool
) -> None:
    """Whichever comes first: afterwards, the person is erased, and nothing is held."""
    for _ in range(10):
        ada = f"r-{uuid4().hex[:12]}"
        if known:
            await identify(store, ada, 0, email=f"{ada}@shop.example")

        async def call(ada: str = ada) -> None:
            identity = read_identity(
                {"email": f"{ada}@new.example"}, customer_id=ada, message_id=ada, at=NOON
            )
            async with store.transaction() as session:
                await cards.hear(session, identity)

        await asyncio.gather(call(), erase(store, ada), call())
        async with store.reading() as session:
            card = await cards.find(session, ada)
            assert card is not None
            assert card.erased
            assert not card.email
            assert await session.get(CustomerRow, ada) is None


async def test_the_dry_run_counts_what_would_go(store: Store, customer_id: str) -> None:
    await lived(store, customer_id, f"anon-{customer_id}")
    async with store.reading() as session:
        person = await person_of(session, customer_id)
        counts = await erasing.counted(session, person)
    held: dict[str, Any] = (await export(store, customer_id))["held"]
    assert {name: len(rows) for name, rows in held.items()} == {n: counts[n] for n in held}
