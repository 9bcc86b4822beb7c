"""Points as templates see them: the newest balance that the shop has told, and what it is worth."""

from decimal import Decimal

from sojourn.domain.events import (
    Event,
    PointsEarned,
    PointsExpired,
    PointsExpiring,
    PointsSpent,
    TierReached,
)
from sojourn.rendering.points import Points, points_after


def earned(points: int, balance: int | None = None, **fields: object) -> Event:
    said = {"customer_id": "c1", "points": points, "balance": balance, **fields}
    return PointsEarned.model_validate(said)


def spent(points: int, balance: int | None = None) -> Event:
    return PointsSpent(customer_id="c1", points=points, balance=balance)


EUROS = {"worth": "12.40", "currency": "EUR"}


def test_nothing_is_known_without_a_balance() -> None:
    assert points_after([]) == Points()
    assert points_after([earned(40), spent(10)]).balance is None


def test_the_newest_balance_counts_with_its_worth() -> None:
    found = points_after([earned(1, 900, worth="9", currency="EUR"), earned(40, 1240, **EUROS)])
    assert (found.balance, found.worth, found.currency) == (1240, Decimal("12.4"), "EUR")


def test_later_events_without_a_balance_are_reckoned_and_have_no_worth() -> None:
    lost = PointsExpired(customer_id="c1", points=200)
    found = points_after([earned(40, 1240, **EUROS), spent(500), earned(60), lost])
    assert found == Points(600)
    assert points_after([earned(5, 5), spent(9)]).balance == 0


def test_a_worth_without_its_currency_is_none() -> None:
    assert points_after([earned(1, 10, worth="0.10")]) == Points(10)


def test_the_tier_is_the_one_reached_last() -> None:
    tiers = [TierReached(customer_id="c1", tier=tier) for tier in ("Silver", "Gold")]
    assert points_after([*tiers, earned(1, 10)]) == Points(10, tier="Gold")


def test_points_without_a_batch_have_the_day_on_which_they_expire() -> None:
    said = {"customer_id": "c1", "points": 1, "expires_at": "2024-03-01T22:59:00Z"}
    assert PointsExpiring.model_validate(said).batch == "2024-03-01"
    read = PointsExpiring.model_validate(said)
    again = {**read.properties(), "customer_id": "c1"}
    assert PointsExpiring.model_validate(again).batch == "2024-03-01"
    assert PointsExpiring.model_validate({**said, "batch": "b7"}).batch == "b7"
