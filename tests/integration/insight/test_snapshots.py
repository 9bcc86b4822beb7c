"""A snapshot has of each customer with an open run what the gate would read."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import event as hook

from sojourn.cli.local.stack import Server
from sojourn.domain.errors import BadInput
from sojourn.domain.messages import Channel, Enrolment, Heard
from sojourn.domain.states import MessageState
from sojourn.in_memory.course import Course, Task
from sojourn.in_memory.loading import Kept
from sojourn.insight.leading.histories import course_of
from sojourn.insight.leading.snapshot import Snapshot
from sojourn.insight.leading.taking import LOOKED_BACK, take
from sojourn.journeys.queues import TASK_QUEUE
from sojourn.store import Store, ledger, people, suppressions
from sojourn.store.joining import join
from sojourn.store.tables import DeviceRow, EntryRow, ExposureRow, MuteRow, RunRow
from tests.integration.store.test_erasing import erase
from tests.support.rows import HOUR, NOON, delivery_of, event_row, identify, keep

LATER = NOON + 10 * HOUR


def course(customer_id: str) -> Course:
    start = Heard(id="start", name="Product Added", at=NOON, seq=1)
    enrolment = Enrolment(customer_id=customer_id, key="c", start=start)
    return Course(f"abandoned-cart:{customer_id}:c", "abandoned-cart", enrolment, (), Task(NOON))


async def taken(store: Store, file: Path, *customer_ids: str) -> dict[str, Kept]:
    async def courses() -> AsyncIterator[Course]:
        for one in customer_ids:
            yield course(one)

    size = await take(courses(), store, LATER, file)
    found = Snapshot.of_file(file)
    assert (found.now, size.runs) == (LATER, len(customer_ids))
    assert list(found.courses) == [course(one) for one in customer_ids]
    return {one.customer_id: one for one in found.customers}


async def _row(store: Store, customer_id: str, state: MessageState, age: timedelta) -> str:
    async with store.transaction() as session:
        row = ledger.new_row(delivery_of(customer_id), Channel.EMAIL)
        row.state, row.decided_at = state, LATER - age
        session.add(row)
        return row.message_id


async def test_it_has_what_the_gate_would_read(
    store: Store, customer_id: str, tmp_path: Path
) -> None:
    email = f"{customer_id}@shop.example"
    await identify(
        store, customer_id, 0, email=email, plan="gold", marketingConsent={"email": True}
    )
    former, twin = f"former-{customer_id}", f"twin-{customer_id}"
    await identify(store, twin, 0, email=email.upper())
    await keep(store, event_row(former, message_id=f"start-{customer_id}"))
    async with store.transaction() as session:
        await join(session, former, customer_id, at=NOON)
    at: dict[str, Any] = {
        "workflow_id": f"abandoned-cart:{customer_id}:c",
        "journey": "abandoned-cart",
    }
    async with store.transaction() as session:
        person = await people.lock(session, customer_id)
        person.least_days, person.snoozed_until = {"cart": 3}, LATER + HOUR
        mute: dict[str, Any] = {"customer_id": customer_id, "message_id": f"start-{customer_id}"}
        session.add_all(
            [
                person,
                MuteRow(**at, **mute, at=NOON, until=LATER),
                MuteRow(**at, **mute | {"message_id": "over"}, at=NOON, until=LATER, ended_at=NOON),
                DeviceRow(
                    customer_id=customer_id,
                    token=f"t-{customer_id}",
                    platform="ios",
                    since=NOON,
                    used_at=NOON,
                    source="m",
                ),
                RunRow(
                    **at,
                    run_id="r",
                    customer_id=customer_id,
                    key="c",
                    enrolment="e",
                    started_at=NOON,
                ),
                EntryRow(
                    **at,
                    message_id=f"no-{customer_id}",
                    customer_id=customer_id,
                    taken=False,
                    at=NOON,
                    judged_at=NOON,
                ),
                *(
                    ExposureRow(
                        experiment="tone",
                        customer_id=customer_id,
                        variant=variant,
                        at=NOON + hours * HOUR,
                        workflow_id="w",
                    )
                    for hours, variant in ((2, "warm"), (1, "plain"))
                ),
            ]
        )
        await suppressions.add(
            session, Channel.EMAIL, email, because="bounced", at=NOON, source="report"
        )
    held = await _row(store, customer_id, MessageState.DEFERRED, 2 * LOOKED_BACK)
    left = await _row(store, customer_id, MessageState.SUBMITTING, HOUR)
    await _row(store, customer_id, MessageState.SENT, LOOKED_BACK + HOUR)
    found = await taken(store, tmp_path / "snapshot", former)
    assert found.keys() == {customer_id, twin}
    kept = found[customer_id]
    assert kept.ids == (former,)
    assert kept.words["email"].value == email
    assert kept.words["traits.plan"].value == "gold"
    assert (kept.known, kept.merged, kept.least_days) == (True, True, {"cart": 3})
    assert kept.snoozed_until == LATER + HOUR
    assert [(said.channel, said.granted) for said in kept.said if said.channel == "email"] == [
        ("email", True)
    ]
    assert [one.message_id for one in kept.events] == [f"start-{customer_id}"]
    assert kept.dead == ((Channel.EMAIL, email),)
    assert [one.token for one in kept.devices or ()] == [f"t-{customer_id}"]
    assert {row.message_id: row.state for row in kept.rows} == {
        held: MessageState.DEFERRED,
        left: MessageState.SENT,
    }
    assert [one.enrolment for one in kept.entered] == ["e"]
    assert kept.variants == {"tone": ["plain", "warm"]}
    assert [one.message_id for one in kept.mutes] == [f"start-{customer_id}"]
    assert (tmp_path / "snapshot").stat().st_mode & 0o077 == 0


async def test_many_customers_cost_as_many_queries_as_one(store: Store, tmp_path: Path) -> None:
    statements: list[str] = []

    def note(*args: object) -> None:
        statements.append(str(args[2]))

    ids = [f"many-{uuid4().hex[:8]}" for _ in range(20)]
    for one in ids:
        await identify(store, one, 0, email=f"{one}@shop.example", marketingConsent={"email": True})
    hook.listen(store.engine.sync_engine, "before_cursor_execute", note)
    try:
        await taken(store, tmp_path / "one", ids[0])
        alone = len(statements)
        statements.clear()
        await taken(store, tmp_path / "many", *ids)
    finally:
        hook.remove(store.engine.sync_engine, "before_cursor_execute", note)
    assert len(statements) == alone


async def test_an_erased_person_stays_erased_under_the_id_of_the_run(
    store: Store, customer_id: str, tmp_path: Path
) -> None:
    await identify(store, customer_id, 0, email=f"{customer_id}@shop.example")
    await erase(store, customer_id)
    (kept,) = (await taken(store, tmp_path / "snapshot", customer_id)).values()
    assert kept.erased
    assert kept.customer_id.startswith("erased:")
    assert kept.ids == (customer_id,)
    assert kept.words.keys().isdisjoint({"email"}) or not kept.words["email"].value


async def test_another_programs_workflow_on_our_queue_is_no_run_of_ours(
    temporal: Server,
) -> None:
    client, name = temporal.client, f"another-{uuid4().hex[:8]}"
    handle = await client.start_workflow(
        "AnotherProgram", {"to": 1}, id=name, task_queue=TASK_QUEUE
    )
    try:
        assert await course_of(client, name, certain=False) is None
        with pytest.raises(BadInput, match=f"the history of {name} cannot be decoded"):
            await course_of(client, name)
    finally:
        await handle.terminate()
    assert await course_of(client, name) is None  # it has ended
    assert await course_of(client, "nobody:knows") is None
