"""Old news begins no run; a start whose note was lost is no old news to itself."""

from datetime import UTC, datetime, timedelta

import pytest

from sojourn.dispatch.beginning import is_old_news
from sojourn.domain.ordering import CLOCK_SKEW
from sojourn.events import ProductAdded
from sojourn.store.tables import EventRow
from workflows.abandoned_cart import AbandonedCart

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
RUN = "abandoned-cart:c:k"


@pytest.mark.parametrize(
    ("enrolment", "sent", "old"),
    [
        pytest.param("earlier", timedelta(days=1), True, id="another start has written since"),
        pytest.param("earlier", timedelta(minutes=4), False, id="within the tolerance"),
        pytest.param("earlier", -timedelta(days=1), False, id="it wrote before"),
        pytest.param("e1", timedelta(days=1), False, id="this very start has written"),
    ],
)
def test_messages_of_other_starts_make_an_event_old_news(
    enrolment: str, sent: timedelta, old: bool
) -> None:
    event = ProductAdded(
        message_id="e1", customer_id="c", cart_id="k", product_id="p", occurred_at=NOON
    )
    row = EventRow(
        message_id="e1",
        customer_id="c",
        name=event.event_name,
        occurred_at=NOON,
        received_at=NOON,
        properties=event.properties(),
    )
    last_sent = {RUN: {enrolment: NOON + sent}}
    assert is_old_news(AbandonedCart, event, row, last_sent, within=CLOCK_SKEW) is old
    wide = timedelta(days=2)
    assert not is_old_news(AbandonedCart, event, row, last_sent, within=wide)
