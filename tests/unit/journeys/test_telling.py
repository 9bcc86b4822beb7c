"""`self.tell` and `self.note`: what a run may say, and under which names."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from sojourn import Channel, Event, Personal, days, hours
from sojourn.domain.calls import Asked, Question, Reply
from sojourn.domain.events import LONGEST_ID
from sojourn.domain.messages import EDITION, Delivery, Enrolment, Receipt, Status
from sojourn.domain.sayings import Noting, Telling
from sojourn.domain.sayings import Saying as SaidByARun
from sojourn.domain.tasks import Closing, Opening, TaskStand
from sojourn.events import MessageReplied, ProductAdded, SignedUp
from sojourn.journeys import in_process
from sojourn.journeys.telling import _noted
from tests.support.saying import Circle, Saying, TellsItself
from tests.support.staging import BEGAN, heard, play


class Complained(Event, name="Complaint Told"):
    order_id: str
    words: Personal = None
    items: list[str] = []


def start(cart: str = "k1") -> ProductAdded:
    return ProductAdded(
        message_id="start", customer_id="c1", cart_id=cart, product_id="p", occurred_at=BEGAN
    )


async def test_a_run_says_what_its_steps_say_at_their_moment() -> None:
    stage, _ = await play(Saying, [start()], answer=True)
    note, told = stage.said
    assert isinstance(note, Noting)
    assert isinstance(told, Telling)
    assert note.traits == {"plan": "gold", "carts": 3}
    assert (told.event, told.fields) == ("Signed Up", {})
    assert note.now == told.now == BEGAN + days(1)
    assert [step for step, _ in stage.sent] == ["reminder"]


def telling(**circumstances: Any) -> Telling:
    given: dict[str, Any] = {
        "run": "a:c:k",
        "customer_id": "c",
        "enrolment": "start",
        "cause": "cause",
        "now": BEGAN,
        "event": "Signed Up",
        **circumstances,
    }
    return Telling(**given)


def test_a_saying_is_named_by_what_caused_it() -> None:
    assert telling().message_id == "told/a:c:k/start/cause/signed-up-1"
    again = telling(now=BEGAN + hours(5), clock=timedelta(1), fields={"a": 1})
    assert again.message_id == telling().message_id
    names = {
        telling(**other).message_id
        for other in [
            dict[str, Any](),
            {"run": "a:c:k/start", "enrolment": "cause"},
            {"enrolment": "other"},
            {"cause": "other"},
            {"occurrence": 2},
            {"event": "Signed Out"},
        ]
    }
    assert len(names) == 6


def test_long_ids_make_no_longer_name_than_an_id_may_be() -> None:
    long = telling(run="r" * 900, enrolment="e" * 200, cause=f"told/{'c' * 195}")
    assert len(long.message_id) <= LONGEST_ID
    assert long.message_id.startswith("told-on/")
    assert long.message_id != telling(run="r" * 900, enrolment="e" * 200, cause="c").message_id


@pytest.mark.parametrize("begun_by", ["told/x/y/z/signed-up-1", "told-on/x/y/z/signed-up-1"])
def test_a_run_that_was_told_of_tells_on(begun_by: str) -> None:
    assert telling(enrolment=begun_by, cause="c").is_told_on
    assert telling(enrolment="e", cause=begun_by).is_told_on
    assert not telling().is_told_on


@pytest.mark.parametrize(
    ("event", "fields", "fault"),
    [
        (Complained, {"order_id": "o", "words": "mine"}, "Complained.words, which is personal"),
        (Complained, {"order_id": "o", "items": ["a"]}, "Complained.items"),
        (Complained, {"order_id": "ada@shop.example"}, "Complained.order_id"),
        (SignedUp(customer_id="c2"), {}, "is of c2: a run tells of its customer"),
        (SignedUp(customer_id="c1"), {"plan": "pro"}, "fields belong to a class"),
        (Event(customer_id="c1"), {}, "no name"),
        (MessageReplied, {}, "Sojourn alone writes it"),
    ],
)
async def test_what_no_history_may_hold_is_not_told(
    event: Any, fields: dict[str, Any], fault: str
) -> None:
    stage, _ = await play(Circle, [start()])
    assert stage.journey is not None
    with pytest.raises(TypeError, match=fault):
        stage.journey._told(event, fields)


async def test_an_event_is_told_as_well_as_its_class() -> None:
    stage, _ = await play(Circle, [start()])
    (said,) = stage.said
    assert isinstance(said, Telling)
    assert said.fields["cart_id"] == "k1x"


@pytest.mark.parametrize(
    ("traits", "written"),
    [
        ({"plan": "gold"}, {"plan": "gold"}),
        ({"vip": True, "orders": 3, "share": 0.5}, {"vip": True, "orders": 3, "share": 0.5}),
        ({"spent": Decimal("9.90")}, {"spent": 9.9}),
        ({"since": date(2026, 3, 1)}, {"since": "2026-03-01"}),
        ({"likes": Channel.SMS}, {"likes": "sms"}),
        ({"plan": None}, {"plan": None}),
    ],
)
def test_a_note_holds_plain_values(traits: dict[str, Any], written: dict[str, Any]) -> None:
    assert _noted(traits) == written


@pytest.mark.parametrize(
    "traits",
    [
        {},
        {"email": "ada@shop.example"},
        {"phone": "1"},
        {"firstName": "Ada"},
        {"first_name": "Ada"},
        {"lastName": "Lovelace"},
        {"birthday": date(1815, 12, 10)},
        {"timezone": "Europe/Rome"},
        {"marketingConsent": True},
        {"consents": None},
        {"code": "ada@shop.example"},
        {"words": "x" * 201},
        {"list": ["a"]},
        {"wait": hours(1)},
    ],
    ids=str,
)
def test_a_note_holds_nothing_personal(traits: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match="note: "):
        _noted(traits)


async def test_a_run_may_tell_itself_of_what_begins_its_steps_again() -> None:
    stage, _ = await play(TellsItself, [start()])
    assert [said.what for said in stage.said] == ["product-added"]


class Listener:
    """A desk that lets every message leave, and notes what the run says."""

    def __init__(self) -> None:
        self.said: list[str] = []

    async def send(self, delivery: Delivery) -> tuple[Receipt, datetime]:
        return Receipt(status=Status.SENT, channel=delivery.lane, at=delivery.now), delivery.now

    async def call(self, asked: Asked) -> Reply:
        raise NotImplementedError

    async def ask(self, asked: Question) -> Reply:
        return Reply(result=True)

    async def say(self, said: SaidByARun, summary: str) -> bool:
        self.said.append(summary)
        return True

    async def task(self, said: Opening | Closing) -> TaskStand:
        raise NotImplementedError


async def test_the_runtime_in_this_process_hands_on_what_a_run_says() -> None:
    desk = Listener()
    enrolment = Enrolment(customer_id="c1", key="k1", start=heard(start(), 1), edition=EDITION)
    await in_process.play(Saying, "a:c1:k1", enrolment, desk, up_to=BEGAN + days(9))
    assert desk.said == ["note plan, carts", "tell Signed Up"]
