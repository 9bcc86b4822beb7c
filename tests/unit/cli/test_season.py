"""A rehearsed season: made-up lives are the same for a seed, and its judge sees what is wrong."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sojourn.cli.season.agenda import OPEN, SHUT, Body
from sojourn.cli.season.judging import contradictions
from sojourn.cli.season.life import Letter, Life
from sojourn.cli.season.temper import TEMPERS
from sojourn.cli.season.told import Did, Said, Told
from sojourn.dispatch.calls import Track, read_call
from sojourn.domain.calendar import zone
from sojourn.domain.customer import Identity
from tests.support.project import WHOLE

BEGINS = datetime(2026, 9, 1, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def lived(life: Life, days: int = 60) -> Iterator[Body]:
    while life.due < BEGINS + days * DAY:
        yield from life.live()


@pytest.mark.parametrize("number", range(len(TEMPERS)))
def test_one_seed_is_one_life_and_another_seed_another(number: int) -> None:
    first, again, other = (list(lived(Life(number, seed, BEGINS))) for seed in (1, 1, 2))
    assert first == again
    assert first != other


@pytest.mark.parametrize("number", range(2 * len(TEMPERS)))
def test_all_that_happens_in_a_life_is_read_as_any_senders_calls(number: int) -> None:
    for body in lived(Life(number, 1, BEGINS), days=120):
        read = read_call(body, WHOLE.events)
        assert isinstance(read, Track | Identity)
        assert read.customer_id == f"c{number + 1:03d}"
        if isinstance(read, Track):
            assert not [note for note in read.notes if "left out" in str(note)], body


def test_customers_do_things_while_they_are_awake() -> None:
    life = Life(0, 1, BEGINS)
    homes = zone(life.timezone)
    hours = {
        datetime.fromisoformat(body["timestamp"]).astimezone(homes).hour
        for body in lived(life)
        if body.get("event") == "Product Viewed"
    }
    assert hours <= set(range(OPEN, SHUT)) | {0, 1, 2}, "but on the evening of the sign-up"


def test_a_message_can_be_acted_on_and_refused() -> None:
    letter = Letter("abandoned-cart", "reminder", "email", promotional=True, key="k")
    said_no, bought = 0, 0
    for number in range(70):
        life, quiet = Life(number, 1, BEGINS), Life(number, 1, BEGINS)
        for one in (life, quiet):
            list(lived(one, days=20))
        life.receives(letter, BEGINS + 20 * DAY)
        after, without = (
            {str(body.get("properties") or body.get("traits")) for body in lived(one, days=21)}
            for one in (life, quiet)
        )
        said_no += any("'granted': False" in one for one in after - without)
        bought += any("order_id" in one for one in after - without)
    assert said_no
    assert bought


def said(step: str = "offer", at: timedelta = DAY, run: str = "j:c:k", **fields: Any) -> Said:
    usual = {"channel": "email", "message_class": "promotional", "state": "sent"}
    journey = fields.pop("journey", "after-purchase")
    return Said(at=BEGINS + at, workflow_id=run, journey=journey, step=step, **{**usual, **fields})


def did(name: str, at: timedelta = timedelta(0), **properties: Any) -> Did:
    return Did(BEGINS + at, name, properties)


OPENED = did("Complaint Received", complaint_id="x")
WRONG = {
    "pestered": ([], [said(f"s{n}", n * DAY) for n in range(6)]),
    "twice": ([], [said(), said(at=DAY + HOUR)]),
    "a complaint is open": ([OPENED], [said()]),
    "another complaint is closed": (
        [OPENED, did("Complaint Resolved", HOUR, complaint_id="y")],
        [said()],
    ),
    "sent back": ([did("Order Refunded", order_id="o1")], [said(run="after-purchase:c:o1")]),
    "bought": (
        [did("Order Completed", cart_id="k1", order_id="o")],
        [said(run="abandoned-cart:c:k1", journey="abandoned-cart")],
    ),
    "paid": (
        [did("Payment Received", invoice_id="i1")],
        [said(run="payment-due:c:i1", journey="payment-due", message_class="transactional")],
    ),
    "a no": ([did("", consents=[{"channel": "email", "granted": False}])], [said()]),
}
RIGHT = {
    "few": ([], [said(f"s{n}", n * DAY) for n in range(5)]),
    "spread": ([], [said(f"s{n}", n * 2 * DAY) for n in range(9)]),
    "needed": ([OPENED], [said(message_class="transactional")]),
    "skipped": ([OPENED], [said(state="skipped", reason="in_care")]),
    "closed": (
        [OPENED, did("Complaint Resolved", HOUR, complaint_id="x")],
        [said()],
    ),
    "before": ([did("Order Refunded", 2 * DAY, order_id="o1")], [said(run="after-purchase:c:o1")]),
    "another order": ([did("Order Refunded", order_id="o2")], [said(run="after-purchase:c:o1")]),
    "another channel": ([did("", consents=[{"channel": "sms", "granted": False}])], [said()]),
    "a yes": ([did("", consents=[{"channel": "email", "granted": True}])], [said()]),
    "another attempt": (
        [did("Delivery Failed", DAY + HOUR / 2, order_id="o1")],
        [said(run="delivery:c:o1"), said(at=DAY + HOUR, run="delivery:c:o1")],
    ),
    "another day": ([], [said(), said(at=3 * DAY)]),
}


def told(events: list[Did], messages: list[Said]) -> Told:
    return Told("c001", "Ada", "buys", "Europe/Rome", events, messages)


@pytest.mark.parametrize("case", WRONG)
def test_what_a_customer_would_shake_their_head_at_is_named(case: str) -> None:
    (line,) = contradictions(told(*WRONG[case]))
    assert line.startswith("c001: ")


@pytest.mark.parametrize("case", RIGHT)
def test_what_is_right_is_not_blamed(case: str) -> None:
    assert contradictions(told(*RIGHT[case])) == []


def test_weeks_count_what_was_sent_by_kind() -> None:
    one = told(
        [],
        [
            said(at=DAY),
            said(at=2 * DAY, message_class="transactional"),
            said(at=3 * DAY, state="skipped", reason="cap"),
            said(at=8 * DAY),
            said(at=30 * DAY),
        ],
    )
    assert one.weeks(BEGINS, 2) == [{"promotional": 1, "needed": 1}, {"promotional": 1}]
