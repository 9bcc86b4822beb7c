"""A subscription is folded from its events; what belongs together is replaced together."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sojourn.domain.events import SubscriptionChanged, SubscriptionRenewed, SubscriptionStarted
from sojourn.rendering.subscription import subscription_after

END = datetime(2026, 6, 20, 10, tzinfo=UTC)


def started(**fields: Any) -> SubscriptionStarted:
    return SubscriptionStarted.model_validate(
        {"customer_id": "c", "subscription_id": "s", "expires_at": END, **fields}
    )


def changed(**fields: Any) -> SubscriptionChanged:
    return SubscriptionChanged.model_validate(
        {"customer_id": "c", "subscription_id": "s", **fields}
    )


def price_after(*events: SubscriptionStarted | SubscriptionChanged) -> tuple[Decimal | None, Any]:
    found = subscription_after(events, "s")
    assert found is not None
    return found.price, found.currency


def test_the_latest_word_on_each_field_counts() -> None:
    later = END.replace(month=7)
    found = subscription_after([started(plan="Basic"), changed(expires_at=later)], "s")
    assert found is not None
    assert (found.plan, found.expires_at) == ("Basic", later)
    renewed = SubscriptionRenewed(customer_id="c", subscription_id="t", expires_at=END)
    other = subscription_after([started(plan="Basic"), renewed], "s")
    assert other is not None
    assert other.plan == "Basic"


def test_a_currency_without_its_price_does_not_relabel_the_old_price() -> None:
    euros = started(price=5, currency="EUR")
    assert price_after(euros, changed(currency="PLN")) == (None, "PLN")
    assert price_after(euros, changed(currency="EUR")) == (Decimal(5), "EUR")
    assert price_after(euros, changed(currency="PLN"), changed(price=20, currency="PLN")) == (
        Decimal(20),
        "PLN",
    )


def test_a_price_without_its_currency_is_in_no_old_currency() -> None:
    euros = started(price=5, currency="EUR")
    assert price_after(euros, changed(price=20)) == (Decimal(20), None)
    assert price_after(euros, changed(price=5)) == (Decimal(5), "EUR")


def test_another_plan_has_no_price_of_the_former_plan() -> None:
    basic = started(plan="Basic", price=99, currency="EUR")
    assert price_after(basic, changed(plan="Plus")) == (None, None)
    assert price_after(basic, changed(plan="Plus", price=149, currency="EUR")) == (
        Decimal(149),
        "EUR",
    )
    assert price_after(basic, changed(plan="Basic")) == (Decimal(99), "EUR")
