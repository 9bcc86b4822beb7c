"""A subscription is folded from its events; what belongs together is replaced together."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from sojourn.domain.events import (
    Event,
    PaymentFailed,
    PaymentSucceeded,
    RenewalRequested,
    SubscriptionCancelled,
    SubscriptionChanged,
    SubscriptionRenewed,
    SubscriptionStarted,
)
from sojourn.rendering.subscription import Subscription, subscription_after

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


def folded(*events: Event) -> Subscription:
    found = subscription_after(events, "s")
    assert found is not None
    return found


def failed(**fields: Any) -> PaymentFailed:
    said = {"customer_id": "c", "invoice_id": "i", "subscription_id": "s", **fields}
    return PaymentFailed.model_validate(said)


def test_a_price_that_changes_is_known_with_the_former_one() -> None:
    first = started(price="10", currency="EUR")
    assert not folded(first).price_changes
    for told in (changed(price="12", currency="EUR"), changed(next_price="12")):
        found = folded(first, told)
        assert found.price_changes
        assert [found.price, found.former_price] == [Decimal(12), Decimal(10)]
    assert not folded(first, changed(price="12"), changed(price="10", currency="EUR")).price_changes
    assert not folded(started(), changed(price="12", currency="EUR")).price_changes


def test_a_renewal_is_paid_at_the_new_price_and_begins_a_period_at_it() -> None:
    renewed = SubscriptionRenewed(customer_id="c", subscription_id="s", expires_at=END)
    found = folded(started(price="10", next_price="12", currency="EUR"), renewed)
    assert [found.price, found.former_price, found.price_changes] == [
        Decimal(12),
        Decimal(12),
        False,
    ]


def test_a_trial_ends_with_a_renewal_or_a_word() -> None:
    renewed = SubscriptionRenewed(customer_id="c", subscription_id="s", expires_at=END)
    assert folded(started(trial=True)).trial
    assert folded(started(trial=True), changed(plan="Plus")).trial
    assert not folded(started(trial=True), changed(trial=False)).trial
    assert not folded(started(trial=True), renewed).trial


def test_a_request_is_of_the_period_that_it_names() -> None:
    asked = RenewalRequested(customer_id="c", subscription_id="s", expires_at=END)
    later = END + timedelta(days=30)
    renewed = SubscriptionRenewed(customer_id="c", subscription_id="s", expires_at=later)
    assert folded(started(), asked).is_requested
    assert not folded(started(), asked, renewed).is_requested
    assert not folded(started(expires_at=later), asked).is_requested
    assert not folded(started(), asked, changed(expires_at=later)).is_requested


def test_a_failed_payment_is_open_until_it_is_settled_or_a_period_begins() -> None:
    paid = PaymentSucceeded(customer_id="c", invoice_id="i")
    assert folded(started(), failed()).payment_failed
    assert not folded(started(), failed(), paid).payment_failed
    assert not folded(started(), failed(subscription_id="other")).payment_failed
    assert not folded(failed(), started()).payment_failed


def test_a_cancelled_subscription_begins_again_by_another_end() -> None:
    gone = SubscriptionCancelled(customer_id="c", subscription_id="s")
    assert folded(started(), gone).is_cancelled
    assert folded(started(), gone, changed(plan="Plus")).is_cancelled
    assert not folded(started(), gone, changed(expires_at=END)).is_cancelled
    assert not folded(started(), gone, started()).is_cancelled
