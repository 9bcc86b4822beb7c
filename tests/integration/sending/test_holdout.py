"""Control groups: judged as all are, and written to never."""

from sqlmodel import select

from sojourn.domain.holdout import HELD_OUT, TREATED, Holdouts, assign
from sojourn.domain.measuring.measures import Measure
from sojourn.domain.messages import MessageClass, Reason, Receipt, Status
from sojourn.insight.measuring import Measuring
from sojourn.sending.drafting import Claim
from sojourn.sending.gate import Gate
from sojourn.sending.grounds import Grounds
from sojourn.store.tables import ExposureRow, MeasuredRow
from sojourn.testkit.kit import MONDAY_NOON as NOON
from tests.support.desk import DAY, HOUR, NIGHT, Desk

NEARLY_ALL = Holdouts(journeys={"abandoned-cart": 1 - 1e-12})


def gate_of(desk: Desk, holdouts: Holdouts) -> Gate:
    return Gate(desk.store, Grounds(desk.rules, "UTC", holdouts=holdouts))


async def exposures(desk: Desk) -> list[tuple[str, str]]:
    async with desk.store.reading() as session:
        query = select(ExposureRow).where(ExposureRow.customer_id == desk.customer_id)
        return [(row.experiment, row.variant) for row in (await session.exec(query)).all()]


async def test_a_message_that_would_leave_is_held_out_and_the_group_is_noted_once(
    desk: Desk,
) -> None:
    gate = gate_of(desk, NEARLY_ALL)
    for n in (1, 2):
        answer = await gate.pass_or_refuse(desk.delivery(n=n), NOON + DAY)
        assert isinstance(answer, Receipt)
        assert (answer.status, answer.reason) == (Status.SKIPPED, Reason.HELD_OUT)
    assert {row.detail for row in await desk.rows()} == {"holdout-abandoned-cart"}
    assert await exposures(desk) == [("holdout-abandoned-cart", HELD_OUT)]


async def test_those_who_are_held_out_are_judged_as_all_are(desk: Desk) -> None:
    gate = gate_of(desk, Holdouts(everywhere=1 - 1e-12))
    desk.quiet_hours = NIGHT
    held = await gate.pass_or_refuse(desk.delivery(), NOON + 10 * HOUR)
    assert isinstance(held, Receipt)
    assert (held.status, held.reason) == (Status.DEFERRED, Reason.QUIET_HOURS)
    assert await exposures(desk) == []
    await desk.identify(2, marketingConsent={"email": False})
    refused = await gate.pass_or_refuse(desk.delivery(n=2), NOON + DAY)
    assert isinstance(refused, Receipt)
    assert refused.reason in (Reason.NO_CONSENT, Reason.OPTED_OUT)


async def test_nobody_is_held_out_from_what_they_wait_for(desk: Desk) -> None:
    gate = gate_of(desk, NEARLY_ALL)
    awaited = desk.delivery(message_class=MessageClass.TRANSACTIONAL)
    assert isinstance(await gate.pass_or_refuse(awaited, NOON + DAY), Claim)
    assert await exposures(desk) == []


async def test_a_side_stays_whatever_the_part_becomes(desk: Desk) -> None:
    treated = gate_of(desk, Holdouts(journeys={"abandoned-cart": 1e-12}))
    assert isinstance(await treated.pass_or_refuse(desk.delivery(), NOON + DAY), Claim)
    assert await exposures(desk) == [("holdout-abandoned-cart", TREATED)]
    now_more = gate_of(desk, NEARLY_ALL)
    answer = await now_more.pass_or_refuse(desk.delivery(n=2), NOON + DAY + HOUR)
    assert isinstance(answer, Claim)


async def test_what_is_held_out_is_counted_apart(desk: Desk) -> None:
    await gate_of(desk, NEARLY_ALL).pass_or_refuse(desk.delivery(), NOON + DAY)
    await Measuring(desk.store).catch_up()
    row = await desk.row()
    async with desk.store.reading() as session:
        counted = await session.get(MeasuredRow, row.id)
    assert counted is not None
    assert Measure.HELD_OUT | Measure.SKIPPED in Measure(counted.measures)


def test_the_part_that_is_held_out_is_about_what_was_asked_for() -> None:
    asked = Holdouts(everywhere=0.1)
    found = [
        side.variant
        for n in range(4000)
        for side in assign({"holdout": asked.everywhere}, {}, f"c{n}")
    ]
    assert 0.08 < found.count(HELD_OUT) / len(found) < 0.12
