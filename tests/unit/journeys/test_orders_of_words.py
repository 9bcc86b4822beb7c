"""Words that arrive in any order: the word that a run goes by, in a second writing of the rules.

The rules stand on the pages of the journeys; here they are a few lines each.
"""

from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from sojourn.domain.messages import EDITION, Enrolment, Heard
from sojourn.events import (
    DeliveryFailed,
    Event,
    OrderDelivered,
    OrderShipped,
    OutForDelivery,
    SubscriptionChanged,
    SubscriptionStarted,
)
from sojourn.journeys.journey import Journey, cause_after
from tests.support.staging import BEGAN, heard
from workflows.delivery import Delivery
from workflows.renewal import Renewal

HOUR = timedelta(hours=1)
STATUSES: tuple[type[Event], ...] = (OrderShipped, OutForDelivery, DeliveryFailed, OrderDelivered)
MOMENTS = st.lists(st.integers(0, 60), min_size=2, max_size=7, unique=True)


def made(kind: type[Event], half_hours: int, **fields: object) -> Event:
    at = BEGAN + half_hours * HOUR / 2
    said = {"customer_id": "c1", "message_id": f"m{half_hours}", "occurred_at": at, **fields}
    return kind.model_validate(said)


def causes(journey: type[Journey], arriving: Sequence[Event]) -> list[Heard]:
    """Return what the steps went by after each event, in the order of arrival."""
    start, *news = [heard(event, seq) for seq, event in enumerate(arriving, start=1)]
    enrolment = Enrolment(customer_id="c1", key="k1", start=start, edition=EDITION)
    return [cause_after(journey, enrolment, news[:n]) for n in range(len(news) + 1)]


def follows(status: Event, before: Event) -> bool:
    """Tell whether a status is further on the way, or another attempt."""
    if isinstance(before, DeliveryFailed) and isinstance(status, OutForDelivery):
        return status.occurred_at - before.occurred_at > HOUR
    return STATUSES.index(type(status)) > STATUSES.index(type(before))


def latest(arrived: Sequence[Event], told: Event) -> Event:
    """Return the status to go by: they take their places by their moments."""
    found, *_ = arrived
    since = [one for one in arrived if one.occurred_at > found.occurred_at]
    for one in sorted(since, key=lambda event: event.occurred_at):
        found = one if follows(one, found) else found
    older = found.occurred_at < told.occurred_at
    return told if older and not follows(found, told) else found


@settings(max_examples=300)
@given(MOMENTS, st.data())
def test_of_a_parcel_no_status_is_told_twice(moments: list[int], data: st.DataObject) -> None:
    kinds = [data.draw(st.sampled_from(STATUSES)) for _ in moments]
    arriving = [made(kind, at, order_id="k1") for kind, at in zip(kinds, moments, strict=True)]
    told = arriving[0]
    for n, cause in enumerate(causes(Delivery, arriving), start=1):
        told = latest(arriving[:n], told)
        assert cause.id == told.message_id


@settings(max_examples=300)
@given(MOMENTS, st.data())
def test_a_plan_goes_by_the_newest_end(moments: list[int], data: st.DataObject) -> None:
    def word(kind: type[Event], at: int) -> Event:
        end = BEGAN + data.draw(st.integers(1, 3)) * timedelta(days=20)
        return made(kind, at, subscription_id="k1", expires_at=end)

    first, *later = moments
    arriving = [word(SubscriptionStarted, first), *(word(SubscriptionChanged, at) for at in later)]
    gone_by = causes(Renewal, arriving)
    for n, cause in enumerate(gone_by, start=1):
        known = [one for one in arriving[:n] if one.occurred_at >= arriving[0].occurred_at]
        newest = heard(max(known, key=lambda event: event.occurred_at), n)
        assert cause.fields["expires_at"] == newest.fields["expires_at"]
    for before, after in pairwise(gone_by):
        older = after.at < before.at
        assert not older or after.fields["expires_at"] != before.fields["expires_at"]
