"""One of two versions of a journey begins live runs, whatever is open of either."""

from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from sojourn.dispatch.charging import EVERYBODY, Roles, roles
from sojourn.events import OrderCompleted, ProductAdded, ProductViewed
from sojourn.journeys.registry import Journeys
from tests.support.shadows import Gentler
from workflows.abandoned_cart import AbandonedCart

OLD, NEW = "abandoned-cart", "abandoned-cart-gentler"
NOON = datetime(2024, 1, 8, 12, tzinfo=UTC)
ADDED = ProductAdded(customer_id="c", occurred_at=NOON, product_id="p", cart_id="k")
SHADOWED = Journeys([AbandonedCart, Gentler], shadow=[NEW])
LIVE = Journeys([AbandonedCart, Gentler])


@dataclass(frozen=True)
class Run:
    """A run that may be open."""

    journey: str
    shadow: bool = False
    key: str = "k"
    id: int | None = 1
    delayed_until: datetime | None = None

    @property
    def workflow_id(self) -> str:
        return f"{self.journey}:c:{self.key}"


def writer(journeys: Journeys, *runs: Run) -> tuple[str, tuple[str, ...]]:
    """Return the one that begins live runs, and the runs on which that depends."""
    by = roles(ADDED, journeys, runs)
    (one,) = {OLD, NEW} - by.silent
    assert by.resting == ({OLD} if one == NEW else frozenset())
    return one, by.doubtful


def test_the_setting_decides_where_nothing_is_open() -> None:
    assert writer(SHADOWED) == (OLD, ())
    assert writer(LIVE) == (NEW, ())
    assert writer(LIVE, Run(OLD, key="another")) == (NEW, ())


@pytest.mark.parametrize(("journeys", "other"), [(SHADOWED, NEW), (LIVE, OLD)])
def test_a_run_that_writes_goes_on_once_it_is_known_to_be_open(
    journeys: Journeys, other: str
) -> None:
    run = Run(other)
    assert writer(journeys, run) == (other, (run.workflow_id,))
    assert roles(ADDED, journeys, [run], looked_up={run.workflow_id}).doubtful == ()


def test_a_run_in_shadow_leaves_the_other_one_in_charge() -> None:
    run = Run(NEW, shadow=True)
    assert writer(SHADOWED, run, Run(OLD)) == (OLD, ()), "the usual case asks nobody"
    assert writer(SHADOWED, run) == (OLD, ())
    assert writer(LIVE, run) == (OLD, (run.workflow_id,))


def test_two_that_write_are_looked_up_and_else_the_setting_decides() -> None:
    runs = Run(OLD), Run(NEW)
    assert writer(LIVE, *runs) == (NEW, tuple(run.workflow_id for run in runs))
    assert writer(SHADOWED, *runs)[0] == OLD


def test_an_event_that_ends_a_run_leaves_nothing_to_go_on_with() -> None:
    ended = {Run(OLD).workflow_id}
    assert roles(ADDED, LIVE, [Run(OLD)], ended=ended) == Roles(
        frozenset({OLD}), frozenset({OLD}), ()
    )


def test_events_that_begin_nothing_of_either_ask_for_nothing() -> None:
    bought = OrderCompleted(customer_id="c", occurred_at=NOON, order_id="o", cart_id="k")
    assert roles(bought, LIVE, [Run(OLD)]) == Roles()


def test_projects_without_versions_and_shadows_cost_nothing() -> None:
    assert roles(ADDED, Journeys([AbandonedCart]), []) is EVERYBODY
    alone = Journeys([AbandonedCart], shadow=[OLD])
    seen = ProductViewed(customer_id="c", occurred_at=NOON, product_id="p")
    assert roles(seen, alone, []).silent == {OLD}
