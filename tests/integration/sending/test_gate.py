"""The gate, asked through the real activity: what stops, delays or permits a message."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Connection
from sqlalchemy import event as listen

from sojourn.domain.consent import Evidence, Purpose
from sojourn.domain.events import (
    MessageReplied,
    OrderCompleted,
    SubscriptionCancelled,
)
from sojourn.domain.messages import Channel, MessageClass, Reason, Receipt, Status
from sojourn.domain.rules import NO_RULES
from sojourn.domain.topics import read_topics
from sojourn.sending.drafting import Claim
from sojourn.sending.gate import Gate
from sojourn.sending.grounds import Grounds
from sojourn.store import Store, consents, people, settling
from sojourn.store.tables import (
    ContentRow,
)
from sojourn.testkit.kit import MONDAY_NOON as NOON
from tests.support.desk import DAY, HOUR, MINUTE, NIGHT, NUDGE, REACHABLE, Desk, Killed

# ---- the way through -----------------------------------------------------------------------


async def test_a_message_goes_out_once_however_often_it_is_asked_for(desk: Desk) -> None:
    for _ in range(3):
        receipt = await desk.send()
        assert (receipt.status, receipt.channel) == (Status.SENT, Channel.EMAIL)
    row = await desk.row()
    assert (row.state, row.attempt, row.provider, row.provider_id) == (
        "sent", 1, "carrier", "id-1",
    )  # fmt: skip
    assert [parcel.ledger_key for parcel in desk.carrier.carried] == [row.ledger_key]
    async with desk.store.reading() as session:
        content = await session.get(ContentRow, row.id)
    assert content is not None
    assert content.address == "ada@shop.example"
    assert "Mug" in content.content["text"]


async def test_a_message_costs_three_transactions_at_most(desk: Desk) -> None:
    begun: list[str] = []
    engine = desk.store.engine.sync_engine

    def count(_: Connection) -> None:
        begun.append("begin")

    listen.listen(engine, "begin", count)
    try:
        await desk.send()
        assert 0 < len(begun) <= 3
        begun.clear()
        await desk.send()
        assert len(begun) == 1
    finally:
        listen.remove(engine, "begin", count)


# ---- overtaken by a stored event before its signal comes -----------------------------------


async def test_a_purchase_that_is_stored_stops_the_message(desk: Desk) -> None:
    order = await desk.buy()
    receipt = await desk.send()
    assert (receipt.status, receipt.reason) == (Status.SKIPPED, Reason.GOAL_REACHED)
    assert receipt.news is not None
    assert receipt.news.id == order.message_id
    assert (await desk.row()).caused_by == order.message_id
    assert desk.carrier.carried == []


async def test_a_purchase_whose_cart_is_a_number_stops_the_message(desk: Desk) -> None:
    order = OrderCompleted(customer_id=desk.customer_id, order_id="o", occurred_at=NOON + HOUR)
    await desk.keep(order, cart_id=7)
    receipt = await desk.send(key="7")
    assert receipt.reason is Reason.GOAL_REACHED


async def test_a_purchase_without_a_cart_stops_every_cart(desk: Desk) -> None:
    await desk.buy(cart_id=None)
    assert (await desk.send()).reason is Reason.GOAL_REACHED


async def test_another_carts_or_an_older_purchase_stops_nothing(desk: Desk) -> None:
    await desk.buy(cart_id="another")
    await desk.buy(-1)
    assert (await desk.send()).status is Status.SENT


async def test_a_purchase_at_the_moment_of_the_start_counts_if_it_came_after_it(
    desk: Desk,
) -> None:
    await desk.buy(0)
    assert (await desk.send()).reason is Reason.GOAL_REACHED


async def test_another_product_that_is_stored_supersedes_the_message(desk: Desk) -> None:
    added = await desk.add(2)
    receipt = await desk.send()
    assert (receipt.status, receipt.reason) == (Status.SKIPPED, Reason.SUPERSEDED)
    assert receipt.news is not None
    assert receipt.news.id == added.message_id


async def test_a_product_that_the_run_has_heard_of_supersedes_nothing(desk: Desk) -> None:
    added = await desk.add(2)
    assert added.seq is not None
    receipt = await desk.send(latest=(added.occurred_at, added.seq))
    assert receipt.status is Status.SENT


async def test_news_that_changes_nothing_does_not_cost_the_message(desk: Desk) -> None:
    """The run takes the news in, sees no reason to restart its steps, and asks again."""
    added = await desk.add(2)
    assert added.seq is not None
    assert (await desk.send()).reason is Reason.SUPERSEDED
    assert (await desk.send()).reason is Reason.SUPERSEDED  # a retry has heard nothing new
    receipt = await desk.send(latest=(added.occurred_at, added.seq))
    assert receipt.status is Status.SENT
    row = await desk.row()
    assert (row.state, row.reason, row.caused_by) == ("sent", None, None)
    assert len(desk.carrier.carried) == 1


async def test_an_event_that_ends_the_run_stops_the_message(desk: Desk) -> None:
    await desk.keep(
        SubscriptionCancelled(
            customer_id=desk.customer_id, subscription_id="s", occurred_at=NOON + HOUR
        )
    )
    assert (await desk.send()).reason is Reason.RUN_STOPPED


async def test_a_goal_outranks_the_other_reasons(desk: Desk) -> None:
    await desk.add(3)
    await desk.buy(2)
    assert (await desk.send()).reason is Reason.GOAL_REACHED


async def test_a_run_whose_event_the_store_has_lost_says_so_once_and_sends_nothing(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    """The store was restored: it may have lost a purchase as well."""
    lost = "an event of the day before"
    receipt = await desk.send(enrolment=lost)
    assert (receipt.status, receipt.reason) == (Status.SKIPPED, Reason.EVENT_MISSING)
    (row,) = await desk.rows()
    assert (row.state, row.reason) == ("skipped", "event_missing")
    assert lost in caplog.text
    caplog.clear()
    assert (await desk.send(enrolment=lost)).reason is Reason.EVENT_MISSING
    assert len(await desk.rows()) == 1
    assert not caplog.text
    assert desk.carrier.carried == []


# ---- the recipient -------------------------------------------------------------------------


async def test_an_unknown_or_erased_customer_gets_nothing(store: Store) -> None:
    desk = Desk(store, f"u-{uuid4().hex[:8]}")
    desk.start = await desk.add()
    assert (await desk.send()).reason is Reason.UNKNOWN_CUSTOMER
    await desk.identify(**REACHABLE)
    async with store.transaction() as session:
        row = await people.lock(session, desk.customer_id)
        row.erased_at = NOON
        session.add(row)
    assert (await desk.send(n=2)).reason is Reason.ERASED


async def test_consent_is_asked_at_the_last_moment(desk: Desk) -> None:
    await desk.identify(2, marketingConsent={"email": False})
    assert (await desk.send()).reason is Reason.NO_CONSENT
    assert (await desk.send(n=2, message_class=MessageClass.TRANSACTIONAL)).status is Status.SENT


async def test_the_zone_the_customer_moved_to_is_told(desk: Desk) -> None:
    assert (await desk.send()).timezone == "Europe/Rome"
    await desk.identify(2, timezone="Asia/Tokyo")
    assert (await desk.send(n=2)).timezone == "Asia/Tokyo"


# ---- time ----------------------------------------------------------------------------------


async def test_the_time_in_the_queue_counts(desk: Desk) -> None:
    assert (await desk.send(waited=DAY + MINUTE)).reason is Reason.TOO_LATE
    assert (await desk.send(n=2, waited=DAY - MINUTE)).status is Status.SENT


async def test_the_time_in_the_queue_may_reach_into_the_night(desk: Desk) -> None:
    desk.quiet_hours = NIGHT
    receipt = await desk.send(waited=9 * HOUR)  # 22:00 in Rome
    assert receipt.status is Status.DEFERRED
    assert receipt.until == datetime.fromisoformat("2024-01-10T09:00+01:00")


async def test_a_clock_that_runs_backwards_is_no_wait(desk: Desk) -> None:
    assert (await desk.send(waited=-2 * DAY)).status is Status.SENT


async def test_a_message_held_over_night_keeps_its_row(desk: Desk) -> None:
    desk.quiet_hours = NIGHT
    night = NOON + DAY + 10 * HOUR
    for _ in range(2):
        receipt = await desk.send(now=night)
        assert (receipt.status, receipt.reason) == (Status.DEFERRED, Reason.QUIET_HOURS)
    held = await desk.row()
    assert (held.state, held.held_until) == ("deferred", receipt.until)
    assert held.held_for == "quiet_hours"
    assert (await desk.send(now=receipt.until)).status is Status.SENT
    sent = await desk.row()
    assert (sent.id, sent.state, sent.reason) == (held.id, "sent", None)
    assert sent.held_for == "quiet_hours"


async def test_a_message_held_over_night_is_voided_by_the_purchase(desk: Desk) -> None:
    desk.quiet_hours = NIGHT
    await desk.send(now=NOON + DAY + 10 * HOUR)
    order = await desk.buy(40)
    workflow_id = desk.delivery().workflow_id
    async with desk.store.transaction() as session:
        await settling.void_holds(session, [workflow_id], reason="goal_reached", cause=order)
    row = await desk.row()
    assert (row.state, row.reason, row.caused_by) == (
        "skipped", "goal_reached", order.message_id,
    )  # fmt: skip
    assert (await desk.send(now=NOON + 46 * HOUR)).reason is Reason.GOAL_REACHED
    assert desk.carrier.carried == []


async def test_a_purchase_before_this_run_voids_nothing_of_it(desk: Desk) -> None:
    """The cart was bought, filled again, and then the old purchase came in late."""
    desk.quiet_hours = NIGHT
    await desk.send(now=NOON + DAY + 10 * HOUR)
    order = await desk.buy(-24)
    async with desk.store.transaction() as session:
        await settling.void_holds(
            session, [desk.delivery().workflow_id], reason="goal_reached", cause=order
        )
    assert (await desk.row()).state == "deferred"


async def test_a_purchase_dated_before_its_cart_voids_what_is_held(desk: Desk) -> None:
    desk.quiet_hours = NIGHT
    await desk.send(now=NOON + DAY + 10 * HOUR)
    order = await desk.buy(-1 / 60)
    async with desk.store.transaction() as session:
        await settling.void_holds(
            session,
            [desk.delivery().workflow_id],
            reason="goal_reached",
            cause=order,
            within=5 * MINUTE,
        )
    row = await desk.row()
    assert (row.state, row.reason, row.caused_by) == (
        "skipped", "goal_reached", order.message_id,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("minutes", "reason"), [(0, Reason.GOAL_REACHED), (-5, Reason.GOAL_REACHED), (-6, None)]
)
async def test_a_purchase_dated_before_its_cart_counts_within_the_tolerance(
    desk: Desk, minutes: int, reason: Reason | None
) -> None:
    await desk.buy(minutes / 60)
    assert (await desk.send()).reason is reason


@pytest.mark.parametrize(
    ("carts", "order", "reason"),
    [
        pytest.param([], "B", Reason.GOAL_REACHED, id="a cart nobody has had"),
        pytest.param(["B"], "B", None, id="another cart of the customer"),
        pytest.param(["B?key=1"], "B", None, id="another cart by another name"),
        pytest.param(["B"], "c?key=1", Reason.GOAL_REACHED, id="the cart by another name"),
        pytest.param(["B"], "", Reason.GOAL_REACHED, id="no cart"),
    ],
)
async def test_a_purchase_ends_the_run_unless_it_concerns_another_cart(
    desk: Desk, carts: list[str], order: str, reason: Reason | None
) -> None:
    for cart in carts:
        await desk.add(0.1, cart_id=cart)
    await desk.buy(0.2, cart_id=order)
    assert (await desk.send(starts=("Product Added",), restarts=())).reason is reason


async def test_a_purchase_of_an_unknown_cart_is_left_to_runs_that_can_tell(desk: Desk) -> None:
    """A message that was asked for before the events that start runs were told along."""
    await desk.buy(cart_id="B")
    assert (await desk.send()).status is Status.SENT
    await desk.buy(cart_id="B")
    assert (await desk.send(n=2, any_key=("Order Completed",))).reason is Reason.GOAL_REACHED


async def test_a_message_that_may_be_on_its_way_is_not_called_held(desk: Desk) -> None:
    desk.quiet_hours = NIGHT
    desk.carrier.answers.append(Killed())
    await desk.die()
    assert (await desk.send(now=NOON + DAY + 10 * HOUR)).status is Status.DEFERRED
    order = await desk.buy(40)
    async with desk.store.transaction() as session:
        await settling.void_holds(
            session, [desk.delivery().workflow_id], reason="goal_reached", cause=order
        )
    assert (await desk.row()).state == "submitting"
    assert (await desk.send(now=NOON + 46 * HOUR)).status is Status.UNKNOWN


async def test_a_hold_from_before_the_steps_began_again_is_superseded(desk: Desk) -> None:
    desk.quiet_hours = NIGHT
    await desk.send(now=NOON + DAY + 10 * HOUR)
    assert (await desk.send(n=2)).status is Status.SENT
    assert [(row.state, row.reason) for row in await desk.rows()] == [
        ("skipped", "superseded"), ("sent", None),
    ]  # fmt: skip


async def test_an_answer_that_does_not_send_tells_the_customers_zone(desk: Desk) -> None:
    desk.quiet_hours = NIGHT
    held = await desk.send(now=NOON + DAY + 10 * HOUR)
    assert (held.status, held.timezone) == (Status.DEFERRED, "Europe/Rome")
    late = await desk.send(n=2, now=NOON + 3 * DAY)
    assert (late.status, late.timezone) == (Status.SKIPPED, "Europe/Rome")


# ---- what the project has set --------------------------------------------------------------


async def test_the_gate_refuses_only_the_journeys_that_are_switched_off(desk: Desk) -> None:
    another = Gate(desk.store, Grounds(desk.rules, "UTC", off=["another"]))
    assert isinstance(await another.pass_or_refuse(desk.delivery(), NOON + DAY), Claim)
    gate = Gate(desk.store, Grounds(desk.rules, "UTC", off=["abandoned-cart"]))
    answer = await gate.pass_or_refuse(desk.delivery(n=2), NOON + DAY)
    assert isinstance(answer, Receipt)
    assert answer.reason is Reason.SWITCHED_OFF


async def test_a_claim_tells_the_customers_word_on_being_measured(desk: Desk) -> None:
    gate = Gate(desk.store, Grounds(desk.rules, "UTC"))
    for n, said in enumerate((None, True, False), start=1):
        if said is not None:
            async with desk.store.transaction() as session:
                person = await people.lock(session, desk.customer_id)
                await consents.record(
                    session, person, None, granted=said, source="page", purpose=Purpose.OPENS
                )
        claim = await gate.pass_or_refuse(desk.delivery(n=n), NOON + DAY)
        assert isinstance(claim, Claim)
        assert claim.opens is said


async def test_a_consent_that_ends_before_the_claim_is_none_by_the_journeys_clock(
    desk: Desk,
) -> None:
    gate, end = Gate(desk.store, Grounds(desk.rules, "UTC")), NOON + DAY
    await desk.identify(2, marketingConsent={"email": False})
    async with desk.store.transaction() as session:
        person = await people.lock(session, desk.customer_id)
        await consents.record(
            session, person, Channel.EMAIL, granted=True, source="form", at=NOON + 3 * HOUR,
            evidence=Evidence(expires_at=end),
        )  # fmt: skip
    assert isinstance(await gate.pass_or_refuse(desk.delivery(), end - MINUTE), Claim)
    answer = await gate.pass_or_refuse(desk.delivery(n=2), end)
    assert isinstance(answer, Receipt)
    assert answer.reason is Reason.NO_CONSENT


async def test_a_topic_that_needs_a_yes_of_its_own_is_sent_after_it_alone(desk: Desk) -> None:
    topics = read_topics({"cart": {"name": {"en": "Cart"}, "default": "off"}})
    gate = Gate(desk.store, Grounds(desk.rules, "UTC", topics=topics))
    answer = await gate.pass_or_refuse(desk.delivery(), NOON + DAY)
    assert isinstance(answer, Receipt)
    assert answer.reason is Reason.NO_CONSENT
    async with desk.store.transaction() as session:
        person = await people.lock(session, desk.customer_id)
        await consents.record(
            session, person, Channel.EMAIL, granted=True, source="a form", topic="cart"
        )
    assert isinstance(await gate.pass_or_refuse(desk.delivery(n=2), NOON + DAY), Claim)


async def test_the_gate_asks_for_templates_only_where_channels_can_be_chosen(desk: Desk) -> None:
    asked: list[tuple[str, str]] = []

    def written(journey: str, template: str) -> tuple[Channel, ...]:
        asked.append((journey, template))
        return (Channel.SMS,)

    gate = Gate(desk.store, Grounds(desk.rules, "UTC"), written)
    alone = desk.delivery(channels=(Channel.EMAIL,))
    assert isinstance(await gate.pass_or_refuse(alone, NOON + DAY), Claim)
    assert asked == []
    two = desk.delivery(n=2, **NUDGE)
    answer = await gate.pass_or_refuse(two, NOON + DAY)
    assert isinstance(answer, Receipt)
    assert (answer.reason, answer.channel) == (Reason.OTHER_CHANNEL, Channel.SMS)
    assert asked == [("abandoned-cart", "nudge")]


async def test_the_gate_believes_in_every_template_unless_it_is_told(desk: Desk) -> None:
    gate = Gate(desk.store, Grounds(desk.rules, "UTC"))
    claim = await gate.pass_or_refuse(desk.delivery(**NUDGE), NOON + DAY)
    assert isinstance(claim, Claim)
    assert claim.channel is Channel.PUSH


async def test_the_gate_falls_back_to_the_projects_zone(store: Store) -> None:
    desk = Desk(store, f"z-{uuid4().hex[:8]}")
    desk.start = await desk.add()
    await desk.identify(**{**REACHABLE, "timezone": None, "phone": None})
    gate = Gate(store, Grounds(lambda: NO_RULES, "Asia/Tokyo"))
    claim = await gate.pass_or_refuse(desk.delivery(), NOON + DAY)
    assert isinstance(claim, Claim)
    assert claim.timezone == "Asia/Tokyo"


# ---- the contents of a claim ---------------------------------------------------------------


async def test_a_template_sees_what_the_steps_began_with_after_a_restart(
    desk: Desk, tmp_path: Path
) -> None:
    folder = tmp_path / "abandoned-cart"
    folder.mkdir()
    words = "{{ start.name }}, {{ start.url }}, {{ start.occurred_at | date }}, {{ first.name }}"
    (folder / "reminder.sms.en.txt").write_text(f"{{% block text %}}{words}{{% endblock %}}")
    desk.templates = tmp_path
    assert desk.start is not None
    moved = await desk.add(hours=1, product_id="lamp", name="Lamp", url="/lamp")
    newest = await desk.add(hours=20, product_id="lamp", name="Lamp, red")
    assert newest.seq is not None
    heard: dict[str, Any] = {"latest": (newest.occurred_at, newest.seq), "channels": [Channel.SMS]}
    for n, cause in enumerate(("", newest.message_id, moved.message_id, desk.start.message_id)):
        await desk.send(n=n + 1, cause=cause, step=f"s{n}", **heard)
    # the newest event tells no page: the newest one that is told of the lamp counts
    assert [parcel.content.text.strip() for parcel in desk.carrier.carried] == [
        "Lamp, red, /lamp, January 9, 2024, Mug",
        "Lamp, red, /lamp, January 9, 2024, Mug",
        "Lamp, /lamp, January 8, 2024, Mug",
        "Mug, None, January 8, 2024, Mug",
    ]


async def _reply(desk: Desk, channel: Channel, at: datetime) -> None:
    await desk.keep(
        MessageReplied(
            customer_id=desk.customer_id,
            occurred_at=at,
            journey="abandoned-cart",
            run="abandoned-cart:c:k",
            step="reminder",
            channel=channel.value,
            text="hello",
        )
    )


@pytest.mark.parametrize(
    ("replied_by", "ago", "free"),
    [
        (Channel.WHATSAPP, DAY - MINUTE, True),
        (Channel.WHATSAPP, DAY, False),
        (Channel.WHATSAPP, DAY + MINUTE, False),
        (Channel.SMS, MINUTE, False),
        (Channel.EMAIL, MINUTE, False),
    ],
)
async def test_a_reply_by_whatsapp_opens_its_window_for_a_day(
    desk: Desk, replied_by: Channel, ago: timedelta, *, free: bool
) -> None:
    await _reply(desk, replied_by, NOON + DAY - ago)
    claim = await desk.claim(channels=(Channel.WHATSAPP,))
    assert claim.may_write_freely is free


async def test_whatsapps_window_opens_no_other_channel(desk: Desk) -> None:
    await _reply(desk, Channel.WHATSAPP, NOON + DAY - MINUTE)
    assert not (await desk.claim(channels=(Channel.SMS,))).may_write_freely


async def test_a_claim_names_the_customer_the_channel_and_the_run(desk: Desk) -> None:
    await desk.add(1, name="Plate")
    await desk.add(1, name="Spoon", cart_id="another")
    claim = await desk.claim(channels=(Channel.SMS,), restarts=())
    assert (claim.channel, claim.address) == (Channel.SMS, "+393201234567")
    assert (claim.attempt, claim.content, claim.perhaps_out) == (1, None, False)
    assert claim.timezone == "Europe/Rome"
    assert desk.start is not None
    assert claim.start.message_id == desk.start.message_id
    assert [event.properties()["name"] for event in claim.history] == ["Mug", "Plate"]
    row = await desk.row()
    assert (row.id, row.state, row.attempt) == (claim.ledger_id, "claimed", 1)
    assert row.claimed_at is not None
    assert row.decided_at == NOON + DAY
