"""A rehearsed season: made-up lives are the same for a seed, and its judge sees what is wrong."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sojourn.cli.season.agenda import OPEN, SHUT, Body
from sojourn.cli.season.judging import contradictions
from sojourn.cli.season.life import Life
from sojourn.cli.season.replies import Letter
from sojourn.cli.season.temper import TEMPERS
from sojourn.cli.season.told import Did, Said, Told
from sojourn.dispatch.calls import Track, read_call
from sojourn.domain.calendar import zone
from sojourn.domain.customer import Identity
from sojourn.domain.week import read_week
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
    letter = Letter("abandoned-cart", "reminder", "email", promotional=True, run="r")
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


def said(step: str = "offer", at: timedelta = DAY, run: str = "loyalty:c:k", **fields: Any) -> Said:
    usual = {"channel": "email", "message_class": "promotional", "state": "sent"}
    journey = fields.pop("journey", run.partition(":")[0])
    return Said(at=BEGINS + at, workflow_id=run, journey=journey, step=step, **{**usual, **fields})


def did(name: str, at: timedelta = timedelta(0), **properties: Any) -> Did:
    return Did(BEGINS + at, name, properties)


OPENED = did("Complaint Received", complaint_id="x")
RESOLVED = did("Complaint Resolved", HOUR, complaint_id="x")
WROTE = did("Message Replied", journey="delivery", intent="other", run="delivery:c:o1")
BOUGHT = did("Order Completed", HOUR, order_id="o", products=[{"product_id": "p"}])
SOON, IN_A_MONTH = ((BEGINS + after).isoformat() for after in (HOUR, 30 * DAY))
STARTED = did("Subscription Started", subscription_id="s", expires_at=SOON)
WRONG = {
    "pestered": ([], [said(f"s{n}", n * DAY) for n in range(6)]),
    "broken": ([], [said(state="rejected", reason="template")]),
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
    "the same words": ([], [said(words="Hello"), said("other", 4 * DAY, words="Hello")]),
    "the same words soon": (
        [],
        [said(words="Hello"), said("s", 2 * DAY, "trial:c", words="Hello")],
    ),
    "an order is late": ([did("Order Delayed", order_id="o1")], [said()]),
    "not content": ([did("Survey Answered", score=5, order_id="o1")], [said()]),
    "a person talks": ([WROTE, did("Task Answered", 2 * DAY, journey="two-way")], [said()]),
    "a former status": (
        [did("Order Shipped", order_id="o1"), did("Order Delivered", HOUR, order_id="o1")],
        [said("shipped", run="delivery:c:o1", message_class="transactional")],
    ),
    "renewed": (
        [STARTED, did("Subscription Renewed", HOUR, subscription_id="s", expires_at=IN_A_MONTH)],
        [said(run="renewal:c:s")],
    ),
    "bought in another cart": (
        [did("Product Added", cart_id="k1", product_id="p"), BOUGHT],
        [said(run="abandoned-cart:c:k1")],
    ),
    "watched and bought": (
        [did("Product Watched", product_id="p"), BOUGHT],
        [said(run="product-watch:c:p")],
    ),
    "active": ([did("Account Activated")], [said(run="onboarding:c")]),
    "subscribed": (
        [did("Trial Started"), did("Subscription Started", HOUR)],
        [said(run="trial:c")],
    ),
    "awake": ([did("Order Completed")], [said(at=58 * DAY, run="win-back:c")]),
    "a cart was filled": (
        [did("Product Viewed"), did("Product Added", HOUR, product_id="p")],
        [said(run="browse-abandonment:c")],
    ),
    "a complaint of late": ([OPENED, RESOLVED], [said(at=9 * DAY, run="after-purchase:c:o1")]),
    "void": ([did("Invoice Voided", invoice_id="i1")], [said(run="payment-due:c:i1")]),
    "spent": (
        [did("Points Expiring", expires_at=IN_A_MONTH), did("Points Spent", HOUR)],
        [said(run="points-expiring:c:b")],
    ),
    "expired": ([did("Points Expiring", expires_at=SOON)], [said(run="points-expiring:c:b")]),
    "logged in": ([did("Login Succeeded", request_id="l1")], [said(run="login-code:c:l1")]),
    "called off": (
        [did("Appointment Cancelled", appointment_id="a1")],
        [said(run="appointment:c:a1")],
    ),
    "begun": (
        [did("Appointment Booked", appointment_id="a1", starts_at=SOON)],
        [said(run="appointment:c:a1")],
    ),
    "will not come": (
        [did("Message Replied", journey="appointment", run="appointment:c:a1", intent="no")],
        [said(run="appointment:c:a1")],
    ),
    "settled": ([RESOLVED], [said(run="service-recovery:c:x", message_class="transactional")]),
    "arrived": (
        [did("Order Delivered", order_id="o1")],
        [said(run="service-recovery:c:delay-o1", message_class="transactional")],
    ),
}
RIGHT = {
    "a week later": ([], [said(words="Hello"), said("other", 9 * DAY, words="Hello")]),
    "another matter": ([], [said(words="Hello"), said("s", 4 * DAY, "trial:c", words="Hello")]),
    "delivered": (
        [did("Order Delayed", order_id="o1"), did("Order Delivered", HOUR, order_id="o1")],
        [said()],
    ),
    "content": ([did("Survey Answered", score=7, order_id="o1")], [said()]),
    "an answer was given": ([WROTE, did("Task Answered", HOUR, journey="two-way")], [said()]),
    "the newest status": (
        [did("Order Shipped", order_id="o1"), did("Order Delivered", 2 * DAY, order_id="o1")],
        [said("shipped", run="delivery:c:o1", message_class="transactional")],
    ),
    "renewed in that moment": (
        [STARTED, did("Subscription Renewed", DAY, subscription_id="s", expires_at=IN_A_MONTH)],
        [said(run="renewal:c:s")],
    ),
    "ends soon": ([STARTED], [said(run="renewal:c:s")]),
    "one of two bought": (
        [
            did("Product Added", cart_id="k1", product_id="p"),
            did("Product Added", cart_id="k1", product_id="q"),
            BOUGHT,
        ],
        [said(run="abandoned-cart:c:k1")],
    ),
    "asleep": ([did("Order Completed")], [said(at=60 * DAY, run="win-back:c")]),
    "looked again": (
        [did("Product Added", product_id="p"), did("Product Viewed", HOUR)],
        [said(run="browse-abandonment:c")],
    ),
    "forgotten": ([OPENED], [said(at=31 * DAY)]),
    "few": ([], [said(f"s{n}", n * DAY) for n in range(5)]),
    "six in a week of eight days": (
        [],
        [
            said(f"s{n}", days * DAY + hours * HOUR)
            for n, (days, hours) in enumerate([(0, 15), (0, 18), (2, 7), (6, 6), (7, 6), (7, 8)])
        ],
    ),
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


def test_the_night_is_that_of_the_place_where_the_customer_lives_then() -> None:
    moved = did("", 2 * DAY, timezone="Asia/Tokyo")
    quiet = read_week("mon-sun 21:00-09:00")
    at_noon_in_rome = [said(at=DAY + 10 * HOUR), said("s", at=3 * DAY + 13 * HOUR)]
    (line,) = contradictions(told([moved], at_noon_in_rome), quiet)
    assert line == "c001: loyalty/s on 04 Sep 22:00, in quiet hours"


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
