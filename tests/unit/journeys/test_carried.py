"""A run that continues as new takes along what its plan rests on, however much it has heard."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sojourn.domain.messages import Enrolment, Heard
from sojourn.journeys.state import CARRIED_EVENTS, State
from workflows.onboarding import Onboarding
from workflows.renewal import Renewal

BEGAN = datetime(2026, 1, 2, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)


def heard(name: str, n: int, **fields: Any) -> Heard:
    given = {"subscription_id": "s", **fields} if "Subscription" in name else fields
    return Heard(id=f"e{n}", name=name, at=BEGAN + n * HOUR, seq=n, fields=given)


def enrolled(start: Heard) -> State:
    def restarts(event: Heard) -> bool:  # as `Renewal.restarts` does
        return event.fields.get("expires_at") not in (None, state.cause.fields.get("expires_at"))

    state = State(Renewal.terms, restarts)
    state.enrol(Enrolment(customer_id="c", key="s", start=start, timezone="UTC"))
    return state


def continued(state: State) -> State:
    enrolment = state.carried_on()
    after = enrolled(enrolment.start)
    after.enrol(enrolment)
    return after


def test_a_moved_end_is_carried_over_any_number_of_changes_of_the_price() -> None:
    state = enrolled(heard("Subscription Started", 0, expires_at="2026-12-01T12:00:00Z"))
    moved = heard("Subscription Changed", 1, expires_at="2026-12-20T12:00:00Z")
    state.take(moved)
    for n in range(2, CARRIED_EVENTS + 50):
        state.take(heard("Subscription Changed", n, price=str(n)))
    for n in range(3):  # also into executions after the next one
        newest = state.latest
        state = continued(state)
        assert (state.cause, state.latest) == (moved, newest)
        state.take(heard("Subscription Changed", 10_000 + n, price="5"))


def test_a_talkative_kind_pushes_no_other_out() -> None:
    state = State(Onboarding.terms, lambda _: True)
    start = heard("Signed Up", 0)
    state.enrol(Enrolment(customer_id="c", key="", start=start, timezone="UTC"))
    clicked = heard("Email Link Clicked", 1, step="welcome")
    state.take(clicked)
    for n in range(2, CARRIED_EVENTS * 2):
        state.take(heard("Message Clicked", n, step="tips"))
    kept = state.carried_on().carried
    assert kept is not None
    assert clicked in kept.heard
    assert len(kept.heard) <= CARRIED_EVENTS


def test_an_event_that_was_carried_is_not_heard_twice() -> None:
    state = enrolled(heard("Subscription Started", 0, expires_at="2026-12-01T12:00:00Z"))
    moved = heard("Subscription Changed", 1, expires_at="2026-12-20T12:00:00Z")
    state.take(moved)
    for n in range(2, CARRIED_EVENTS + 50):
        state.take(heard("Subscription Changed", n, price=str(n)))
    after = continued(state)
    before = len(after.heard_of(Renewal.terms.restarts_on))
    after.take(moved)
    assert len(after.heard_of(Renewal.terms.restarts_on)) == before
