"""A message in shadow at the real gate: decided on and rendered, and nothing else happens."""

from datetime import timedelta
from pathlib import Path

from sqlmodel import select

from sojourn.domain.holdout import Holdouts
from sojourn.domain.messages import Channel, Reason, Receipt, Status
from sojourn.domain.states import SETTLED, WAITING, MessageState
from sojourn.insight.exporting import reading as exporting
from sojourn.sending.drafting import Claim
from sojourn.store import past, settling, slots, snapshots
from sojourn.store.changes import Change, Kind
from sojourn.store.ledger import MAYBE_SENT
from sojourn.store.measuring import rollups
from sojourn.store.tables import ContentRow, ExposureRow, LedgerRow
from sojourn.testkit.kit import MONDAY_NOON as NOON
from tests.support.caps import Counter
from tests.support.desk import DAY, HOUR, NIGHT, NUDGE, Desk, note_stop

WEEK = timedelta(days=7)


async def supposed(desk: Desk) -> list[tuple[str, str | None, str | None]]:
    return [(row.state.value, row.would, row.reason) for row in await desk.rows()]


async def test_it_is_rendered_and_kept_and_no_provider_gets_it(desk: Desk) -> None:
    receipt = await desk.send(shadow=True)
    assert receipt.status is Status.SENT
    assert await supposed(desk) == [("shadow", "sent", None)]
    assert desk.carrier.carried == []
    async with desk.store.reading() as session:
        row = await desk.row()
        assert await session.get(ContentRow, row.id) is None
    assert await desk.attempts() == []
    assert (await desk.send(shadow=True)).status is Status.SENT
    assert await supposed(desk) == [("shadow", "sent", None)], "a second try finds the first"


async def test_it_is_held_and_skipped_by_the_same_rules(desk: Desk) -> None:
    desk.quiet_hours = NIGHT
    night = NOON + 10 * HOUR
    held = await desk.gate.pass_or_refuse(desk.delivery(shadow=True), night)
    assert isinstance(held, Receipt)
    assert (held.status, held.reason) == (Status.DEFERRED, Reason.QUIET_HOURS)
    assert await supposed(desk) == [("shadow", "deferred", "quiet_hours")]
    await desk.buy()
    skipped = await desk.gate.pass_or_refuse(desk.delivery(shadow=True), night + 12 * HOUR)
    assert isinstance(skipped, Receipt)
    assert skipped.news is not None
    assert await supposed(desk) == [("shadow", "skipped", "goal_reached")]


async def test_a_template_that_is_broken_shows(desk: Desk, tmp_path: Path) -> None:
    folder = tmp_path / "abandoned-cart"
    folder.mkdir()
    (folder / "reminder.email.en.html").write_text("{{ nobody.knows.it }}")
    desk.templates = tmp_path
    receipt = await desk.send(shadow=True)
    assert (receipt.status, receipt.reason) == (Status.REJECTED, Reason.TEMPLATE)
    assert await supposed(desk) == [("shadow", "rejected", "template")]
    assert "nobody" in str((await desk.row()).detail)


async def test_what_began_in_shadow_stays_there_whatever_the_run_says(desk: Desk) -> None:
    desk.quiet_hours = NIGHT
    await desk.gate.pass_or_refuse(desk.delivery(shadow=True), NOON + 10 * HOUR)
    desk.quiet_hours = None
    await desk.send(waited=HOUR)
    assert await supposed(desk) == [("shadow", "sent", None)]
    assert desk.carrier.carried == []


async def test_it_takes_no_slot_of_real_messages_and_counts_among_its_own(desk: Desk) -> None:
    counter = Counter(desk, "[caps]\nper_week = 1")
    now = NOON + DAY
    await counter.leaves("cart-2/reminder", now, shadow=True)
    assert (await counter.row("cart-2/reminder")).would == "claimed"
    # a held one in shadow reserves nothing either
    assert (await counter.waits("cart-2/nudge", now, shadow=True))[0] is Reason.CAP
    await counter.leaves("abandoned-cart/reminder", now)
    assert (await counter.waits("cart-3/reminder", now, shadow=True))[0] is Reason.CAP


async def test_it_would_be_in_the_place_of_the_old_one_whose_messages_do_not_count(
    desk: Desk,
) -> None:
    counter = Counter(desk, "[caps]\nper_week = 1")
    await counter.leaves("abandoned-cart/reminder", NOON + DAY)
    gate = desk.gate_on(instead_of={"cart-2": "abandoned-cart"})
    delivery = desk.delivery(
        workflow_id=f"cart-2:{desk.customer_id}:c", journey="cart-2", step="first", shadow=True
    )
    assert isinstance(await gate.pass_or_refuse(delivery, NOON + DAY), Claim)
    further = delivery.model_copy(update={"step": "second", "n": 2})
    answer = await gate.pass_or_refuse(further, NOON + DAY)
    assert isinstance(answer, Receipt)
    assert answer.reason is Reason.CAP


async def test_nobody_comes_into_a_control_group_by_it(desk: Desk) -> None:
    gate = desk.gate_on(holdouts=Holdouts(everywhere=1 - 1e-12))
    answer = await gate.pass_or_refuse(desk.delivery(shadow=True), NOON + DAY)
    assert isinstance(answer, Receipt)
    assert answer.reason is Reason.HELD_OUT, "it is judged as all are"
    async with desk.store.reading() as session:
        query = select(ExposureRow).where(ExposureRow.customer_id == desk.customer_id)
        assert (await session.exec(query)).all() == []


async def test_a_purchase_and_a_stop_end_what_would_be_held_and_wake_nobody(desk: Desk) -> None:
    desk.quiet_hours = NIGHT
    await desk.gate.pass_or_refuse(desk.delivery(shadow=True), NOON + 10 * HOUR)
    bought = await desk.buy()
    async with desk.store.transaction() as session:
        woken = await settling.void_holds(
            session, [desk.delivery().workflow_id], reason="goal_reached", cause=bought
        )
    assert woken == 0
    assert await supposed(desk) == [("shadow", "skipped", "goal_reached")]
    row = await desk.row()
    assert row.caused_by == bought.message_id
    further = desk.delivery(shadow=True, step="nudge", template="nudge", n=2)
    await desk.gate.pass_or_refuse(further, NOON + 10 * HOUR)
    async with desk.store.transaction() as session:
        await note_stop(session, desk)
    assert [row.would for row in await desk.rows()] == ["skipped", "skipped"]


async def test_readers_that_ask_by_state_or_count_meet_none(desk: Desk) -> None:
    await desk.send(shadow=True)
    row = await desk.row()
    assert row.state not in MAYBE_SENT
    async with desk.store.reading() as session:
        assert row.id is not None
        assert await rollups.messages(session, [row.id]) == []
        batch = await exporting.read(session, [Change(1, Kind.MESSAGE, row.id)], {})
        assert batch.rows["messages"] == []
        page = await snapshots.page(session, [desk.customer_id], since=NOON - WEEK)
        assert page.ledger == {}
        kept = await past.read(session, [desk.customer_id], until=NOON + WEEK)
        assert kept.messages == []
        of = {"besides": "", "since": NOON - WEEK, "held_since": NOON - WEEK}
        assert await slots.of_customer(session, desk.customer_id, **of) == []  # type: ignore[arg-type]


async def test_another_channel_is_tried_as_for_any(desk: Desk, tmp_path: Path) -> None:
    folder = tmp_path / "abandoned-cart"
    folder.mkdir()
    (folder / "nudge.push.en.txt").write_text("{{ nobody.knows.it }}")
    own = Path(__file__).parents[3] / "templates" / "abandoned-cart"
    (folder / "nudge.sms.en.txt").write_text((own / "nudge.sms.en.txt").read_text())
    desk.templates = tmp_path
    asked_for = await desk.send(shadow=True, **NUDGE)
    assert asked_for.reason is Reason.OTHER_CHANNEL, "the other channel has its own queue"
    receipt = await desk.send(shadow=True, channel=Channel.SMS, **NUDGE)
    assert [(row.channel, row.would) for row in await desk.rows()] == [
        ("push", "rejected"),
        ("sms", "sent"),
    ]
    assert receipt.channel is Channel.SMS


def test_every_state_is_known_to_be_waiting_settled_or_in_shadow() -> None:
    assert {*WAITING, *SETTLED, MessageState.SHADOW} == {*MessageState}
    assert MessageState.SHADOW not in (*WAITING, *SETTLED)
    assert LedgerRow.model_fields["would"].default is None
