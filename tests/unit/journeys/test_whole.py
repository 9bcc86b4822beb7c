"""Ends that count as a whole: a refund of one product leaves the run of its order alone."""

import pytest

from sojourn import EMAIL, Journey, Message, days
from sojourn.domain.keys import Reach
from sojourn.events import ComplaintReceived, OrderCompleted, OrderDelivered, OrderRefunded

ORDERS = Reach(
    field="order_id",
    starts=("Order Delivered",),
    ends=("Order Refunded",),
    whole=("Order Refunded",),
    known_by=("Order Completed",),
)


def concerns(said: str | None, had: dict[str, int], *, partly: bool = False) -> bool:
    return ORDERS.concerns("o1", name="Order Refunded", said=said, seq=9, had=had, partly=partly)


@pytest.mark.parametrize("said", ["o1", "o2", None])
def test_an_end_that_names_a_part_reaches_no_run(said: str | None) -> None:
    assert not concerns(said, {"o1": 1}, partly=True)
    assert concerns(said, {"o1": 1})


def test_a_key_that_another_event_told_is_known() -> None:
    assert not concerns("o2", {"o1": 1, "o2": 3})
    assert ORDERS.tells_keys == ("Order Delivered", "Order Completed")


class Thanks(
    Journey,
    name="thanks",
    starts_on=OrderDelivered,
    key="order_id",
    ends_on=(OrderRefunded.whole(), ComplaintReceived.any_key()),
    hears=OrderCompleted,
):
    """Thanks."""

    thanks = Message(EMAIL, useful_for=days(1))

    async def steps(self) -> None:
        """Say it."""
        await self.send(self.thanks)


class Again(Thanks, name="thanks-again"):
    """A journey that extends another one has its marks."""


class Otherwise(Thanks, name="thanks-otherwise", ends_on=OrderRefunded):
    """A keyword that is written takes the place of the inherited one, and of its marks."""


def test_marks_are_told_to_the_rule_by_which_events_find_runs_and_inherited() -> None:
    for journey in (Thanks, Again):
        reach = journey.terms.reach
        assert (reach.whole, reach.any_key) == (("Order Refunded",), ("Complaint Received",))
        assert reach.known_by == ("Order Completed",)
    assert Otherwise.terms.reach.whole == Otherwise.terms.reach.any_key == ()


def test_an_event_without_products_is_always_whole() -> None:
    with pytest.raises(TypeError, match="ComplaintReceived lists no products"):
        type("Wrong", (Thanks,), {}, name="wrong", ends_on=ComplaintReceived.whole())
