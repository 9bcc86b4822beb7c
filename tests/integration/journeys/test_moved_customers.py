"""A run plans by the clocks that its customer lives by now, also in the middle of a wait."""

from datetime import UTC, datetime, time, timedelta

import pytest

from sojourn.dispatch.planning import Plan
from sojourn.dispatch.routing import Target
from sojourn.dispatch.telling import Reached
from sojourn.domain.alias import Alias
from sojourn.domain.calendar import LocalMoment
from sojourn.domain.customer import read_identity
from sojourn.domain.quiet_hours import QuietHours
from sojourn.events import ProductAdded, SignedUp, SubscriptionRenewed, TimeZoneChanged
from sojourn.settings import Settings
from sojourn.store import events
from sojourn.testkit import JourneyTest
from workflows.onboarding import Onboarding
from workflows.renewal import Renewal

DAY = timedelta(days=1)


@pytest.fixture
def journey_settings(journey_settings: Settings) -> Settings:
    return journey_settings.model_copy(update={"quiet_hours": QuietHours(time(21), time(9))})


def _at(*numbers: int) -> datetime:
    return datetime(*numbers, tzinfo=UTC)  # type: ignore[arg-type,misc]


async def test_a_zone_told_seconds_after_the_start_counts(journey: JourneyTest) -> None:
    journey.begin_at(_at(2024, 1, 10, 2))
    await journey.identify(timezone="UTC")
    await journey.start(Renewal, subscription_id="s", expires_at=_at(2024, 7, 10, 2))
    await journey.after(timedelta(seconds=5))
    await journey.identify(timezone="Pacific/Auckland")
    await journey.until(_at(2024, 7, 4))
    (row,) = await journey.messages()
    assert (row.step, row.state, row.due_at) == ("in-a-week", "sent", _at(2024, 7, 2, 22))


async def test_a_renewed_period_is_planned_in_the_zone_known_at_the_renewal(
    journey: JourneyTest,
) -> None:
    journey.begin_at(_at(2024, 3, 1, 2))
    await journey.identify(timezone="UTC")
    await journey.start(Renewal, subscription_id="s", expires_at=_at(2024, 7, 1, 2))
    await journey.until(_at(2024, 3, 10, 2))
    await journey.identify(timezone="America/New_York")
    await journey.until(_at(2024, 3, 18, 11, 31))
    await journey.publish(SubscriptionRenewed, subscription_id="s", expires_at=_at(2024, 3, 25, 16))
    await journey.until(_at(2024, 3, 19))
    (row,) = await journey.messages()
    assert (row.step, row.state, row.due_at) == ("in-a-week", "sent", _at(2024, 3, 18, 14))


async def test_a_customer_who_moves_twice_is_written_to_once_at_ten(journey: JourneyTest) -> None:
    journey.begin_at(_at(2024, 1, 8, 12))
    await journey.start(Onboarding)  # in Rome
    await journey.identify(timezone="Asia/Tokyo")
    await journey.identify(timezone="America/New_York")
    await journey.until(_at(2024, 1, 10))
    _, first = await journey.messages()
    assert first.due_at == _at(2024, 1, 9, 15)


async def test_a_morning_that_is_past_where_the_customer_went_is_made_up_for_at_once(
    journey: JourneyTest,
) -> None:
    journey.begin_at(_at(2024, 1, 8, 12))
    await journey.identify(timezone="America/New_York")
    await journey.start(Onboarding)
    await journey.until(_at(2024, 1, 9, 12))  # ten in New York is at 15:00
    await journey.identify(timezone="Europe/Rome")  # where it was at 09:00
    await journey.until(_at(2024, 1, 9, 13))
    assert journey.sent == ["welcome", "first-steps"]


@pytest.mark.temporal
async def test_a_call_that_changes_no_zone_tells_no_run(journey: JourneyTest) -> None:
    await journey.start(Onboarding)
    before = len((await journey.history()).events)
    await journey.identify(timezone="Europe/Rome", firstName="Eve")
    await journey.identify(locale="de-DE")  # the trait outranks it
    assert len((await journey.history()).events) == before


async def test_a_run_that_is_over_is_told_nothing(journey: JourneyTest) -> None:
    await journey.start(Onboarding)
    await journey.after(9 * DAY)
    await journey.identify(timezone="Asia/Tokyo")
    assert journey.outcomes == ["exhausted"]
    async with journey.store.reading() as session:
        names = [row.name for row in await events.of_customer(session, journey.customer_id)]
    assert names.count("Signed Up") == 1


# ---- an alias ----------------------------------------------------------------------------------


async def _said(journey: JourneyTest, customer_id: str, zone: str) -> None:
    sojourn = await journey._ready()
    identity = read_identity(
        {"timezone": zone},
        customer_id=customer_id,
        message_id=f"zone-{customer_id}-{zone}",
        at=await journey.now(),
    )
    await sojourn.identify(identity)


async def _alias(journey: JourneyTest, previous: str, kept: str) -> None:
    sojourn = await journey._ready()
    await sojourn.alias(Alias(previous, kept, f"alias-{previous}", await journey.now()))
    journey.customer_id = kept  # which holds everything now
    await journey.settled()


async def _changes(journey: JourneyTest) -> list[tuple[str, str]]:
    """Return the runs that were told of another zone, and the zone."""
    async with journey.store.reading() as session:
        rows = await events.of_customer(session, journey.customer_id)
    return [
        (row.properties["run"], row.properties["timezone"])
        for row in rows
        if row.name == TimeZoneChanged.event_name
    ]


async def test_an_alias_to_somebody_elsewhere_moves_the_wait_under_way(
    journey: JourneyTest,
) -> None:
    journey.begin_at(_at(2024, 1, 8, 12))
    guest, account = journey.customer_id, f"{journey.customer_id}-account"
    await journey.start(Onboarding)  # in Rome
    await journey.after(timedelta(seconds=5))
    await _said(journey, account, "America/New_York")
    await _alias(journey, guest, account)
    assert await _changes(journey) == [(f"onboarding:{guest}", "America/New_York")]
    await journey.until(_at(2024, 1, 10))
    _, first = await journey.messages()
    assert first.due_at == _at(2024, 1, 9, 15)


async def test_a_newer_word_of_the_id_that_is_given_up_moves_the_account_runs(
    journey: JourneyTest,
) -> None:
    journey.begin_at(_at(2024, 1, 8, 12))
    guest, account = f"{journey.customer_id}-guest", journey.customer_id
    await journey.start(Onboarding)  # in Rome
    await journey.after(timedelta(seconds=5))
    await _said(journey, guest, "America/New_York")
    await _alias(journey, guest, account)
    await journey.until(_at(2024, 1, 10))
    _, first = await journey.messages()
    assert first.due_at == _at(2024, 1, 9, 15)


async def test_an_alias_tells_only_the_runs_that_were_planned_by_other_clocks(
    journey: JourneyTest,
) -> None:
    journey.begin_at(_at(2024, 1, 8, 12))
    guest, account = f"{journey.customer_id}-guest", journey.customer_id
    await journey.start(Onboarding)  # in Rome
    sojourn = await journey._ready()
    # of a guest nobody knows the zone
    added = {"cart_id": "A", "product_id": "p", "occurred_at": await journey.now()}
    await sojourn.publish(ProductAdded(customer_id=guest, **added))
    await _alias(journey, guest, account)
    await _alias(journey, guest, account)
    assert await _changes(journey) == [(f"abandoned-cart:{guest}:A", "Europe/Rome")]


@pytest.mark.parametrize("way", ["identify", "alias"])
async def test_a_zone_told_while_a_run_is_being_started_counts(
    journey: JourneyTest, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """The call finds no run to tell: none is noted yet."""
    journey.begin_at(_at(2024, 1, 8, 12))
    sojourn, here = await journey._ready(), journey.customer_id
    account = f"{here}-account"
    await _said(journey, account, "America/New_York")
    reach = sojourn.teller.reach

    async def meanwhile(target: Target, plan: Plan) -> Reached | None:
        reached = await reach(target, plan)
        if plan.row.name == "Signed Up":
            if way == "identify":
                await _said(journey, here, "America/New_York")
            else:
                await sojourn.alias(Alias(here, account, "a", await journey.now()), wait=False)
        return reached

    with monkeypatch.context() as patch:
        patch.setattr(sojourn.teller, "reach", meanwhile)
        await journey.publish(SignedUp)
        await sojourn.drain()
    if way == "alias":
        journey.customer_id = account
    await journey.settled()
    assert await _changes(journey) == [(f"onboarding:{here}", "America/New_York")]
    await journey.until(_at(2024, 1, 10))
    _, first = await journey.messages()
    assert first.due_at == _at(2024, 1, 9, 15)


def test_a_local_moment_is_a_moment_and_knows_other_zones() -> None:
    ten = LocalMoment.of(time(10), 1, _at(2024, 1, 8, 12), "Europe/Rome")
    assert ten == _at(2024, 1, 9, 9)
    assert ten.in_zone("America/New_York") == _at(2024, 1, 9, 15)
    later = ten + timedelta(hours=1)
    assert later == _at(2024, 1, 9, 10)
    assert max(ten, _at(2024, 1, 1)) is ten
