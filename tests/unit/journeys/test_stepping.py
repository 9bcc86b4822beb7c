"""Runs of this process: what is asked for is answered at its moment, in its order."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from sojourn import EMAIL, Context, Failed, Journey, Message, NonPersonal, activity, days, hours
from sojourn.domain.calls import Asked, Question, Reply
from sojourn.domain.errors import BadInput
from sojourn.domain.messages import EDITION, Delivery, Enrolment, Heard, Receipt, Status
from sojourn.domain.sayings import Saying
from sojourn.domain.tasks import Closing, Opening, TaskStand
from sojourn.events import OrderCompleted, ProductAdded, ProductRemoved
from sojourn.journeys.desk import TryAgain
from sojourn.journeys.stepping import LocalRun, Runs
from tests.support.staging import BEGAN, heard

MINUTE = timedelta(minutes=1)


class Answer(NonPersonal):
    """An answer."""

    words: str


@activity(deadline=hours(1))
async def look_up(context: Context) -> Answer:
    """Look something up."""
    raise NotImplementedError


class Ladder(Journey, name="ladder", starts_on=ProductAdded, key="cart_id", goal=OrderCompleted):
    """Two messages, a day apart."""

    hello = Message(EMAIL, useful_for=days(1), topic="cart")
    nudge = Message(EMAIL, useful_for=days(1), topic="cart")

    async def steps(self) -> None:
        """Write twice."""
        await self.sleep(days(1))
        await self.send(self.hello)
        await self.sleep(days(1))
        await self.send(self.nudge)


class Asks(Journey, name="asks", starts_on=ProductAdded, key="cart_id", goal=OrderCompleted):
    """Calls, and notes what it was told."""

    told: object = None

    async def steps(self) -> None:
        """Call."""
        answer = await self.call(look_up)
        type(self).told = answer.kind if isinstance(answer, Failed) else answer.words


class Sleeps(Journey, name="sleeps", starts_on=ProductAdded, key="cart_id"):
    """Awaits what is no verb."""

    async def steps(self) -> None:
        """Sleep by another clock."""
        await asyncio.sleep(1)


class Circles(Journey, name="circles", starts_on=ProductAdded, key="cart_id"):
    """Waits for ever, an hour at a time."""

    async def steps(self) -> None:
        """Wait."""
        while True:
            await self.sleep(hours(1))


class Chatters(Journey, name="chatters", starts_on=ProductAdded, key="cart_id"):
    """Writes for ever, and never waits."""

    hello = Message(EMAIL, useful_for=days(1), topic="cart")

    async def steps(self) -> None:
        """Write."""
        while True:
            await self.send(self.hello)


class Shrugs(Journey, name="shrugs", starts_on=ProductAdded, key="cart_id"):
    """Goes on whatever fails."""

    hello = Message(EMAIL, useful_for=days(1), topic="cart")
    seen = False

    async def steps(self) -> None:
        """Write."""
        try:
            await self.send(self.hello)
        except Exception:
            type(self).seen = True


class Desk:
    """A desk that fails as often as it is told to, and notes when it was asked."""

    at_once = False

    def __init__(self, *failures: Exception, takes: timedelta = timedelta(0)) -> None:
        self.failures = list(failures)
        self.takes = takes
        self.asked: list[tuple[str, timedelta]] = []
        self.now: Callable[[], datetime] = lambda: BEGAN

    def _ask(self, what: str) -> None:
        self.asked.append((what, self.now() - BEGAN))
        if self.failures:
            raise self.failures.pop(0)

    async def send(self, delivery: Delivery) -> tuple[Receipt, datetime]:
        self._ask(f"{delivery.key} {delivery.step}")
        receipt = Receipt(status=Status.SENT, channel=delivery.lane, at=delivery.now)
        return receipt, self.now() + self.takes

    async def call(self, asked: Asked) -> Reply:
        self._ask(asked.activity)
        return Reply(result={"words": "yes"})

    async def ask(self, asked: Question) -> Reply:
        raise NotImplementedError

    async def say(self, said: Saying, summary: str) -> bool:
        raise NotImplementedError

    async def task(self, said: Opening | Closing) -> TaskStand:
        raise NotImplementedError


@pytest.fixture(autouse=True, params=[False, True], ids=["from outside", "within the step"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs do the same whether a desk is asked from outside of their steps or within them."""
    monkeypatch.setattr(Desk, "at_once", request.param)


def began(desk: Desk, *, most: int | None = None) -> Runs:
    runs = Runs(desk, BEGAN, most, at_once=desk.at_once)
    desk.now = lambda: runs.now
    return runs


def start(runs: Runs, journey: type[Journey], cart: str = "k") -> LocalRun:
    event = ProductAdded(customer_id="c", cart_id=cart, product_id="p", occurred_at=BEGAN)
    enrolment = Enrolment(customer_id="c", key=cart, start=heard(event, 1), edition=EDITION)
    return runs.start(journey, f"{journey.name}:c:{cart}", enrolment)


def ordered(after: timedelta) -> Heard:
    event = OrderCompleted(customer_id="c", order_id="o", occurred_at=BEGAN + after)
    return heard(event, 9)


def outcomes(run: LocalRun) -> list[str]:
    return [one.value for one in run.outcomes]


async def test_messages_are_asked_for_at_their_moments() -> None:
    desk = Desk()
    runs = began(desk)
    run = start(runs, Ladder)
    await runs.advance(BEGAN + days(2) - timedelta(seconds=1))
    assert desk.asked == [("k hello", days(1))]
    assert run.waiting is not None
    assert run.waiting.ended == BEGAN + days(2)
    await runs.advance(BEGAN + days(9))
    assert desk.asked == [("k hello", days(1)), ("k nudge", days(2))]
    assert (run.is_open, outcomes(run)) == (False, ["exhausted"])
    assert runs.now == BEGAN + days(9)


async def test_of_equal_moments_the_one_asked_for_first_comes_first() -> None:
    desk = Desk()
    runs = began(desk)
    for cart in "bac":
        start(runs, Ladder, cart)
    await runs.advance(BEGAN + days(1))
    assert [what for what, _ in desk.asked] == ["b hello", "a hello", "c hello"]


async def test_a_run_is_woken_by_what_it_hears_and_its_timer_is_forgotten() -> None:
    desk = Desk()
    runs = began(desk)
    run = start(runs, Ladder)
    await runs.advance(BEGAN + hours(3))
    run.hear(ordered(hours(3)))
    await runs.rest()
    assert outcomes(run) == ["converted"]
    assert run.waits[0].was_woken
    assert runs.next_moment() is None, "nothing falls due any more"
    await runs.advance(BEGAN + days(9))
    assert desk.asked == []


async def test_an_event_that_changes_nothing_leaves_the_wait_as_it_was() -> None:
    desk = Desk()
    runs = began(desk)
    run = start(runs, Ladder)
    await runs.advance(BEGAN + hours(3))
    removed = ProductRemoved(
        customer_id="c", cart_id="k", product_id="p", occurred_at=BEGAN + hours(3)
    )
    run.hear(heard(removed, 5))
    await runs.advance(BEGAN + days(1))
    assert desk.asked == [("k hello", days(1))]
    assert not run.waits[0].was_woken


async def test_pauses_between_attempts_double_up_to_the_longest() -> None:
    desk = Desk(*(TryAgain("busy") for _ in range(12)))
    runs = began(desk)
    start(runs, Ladder)
    await runs.advance(BEGAN + days(1) + hours(1))
    moments = [at - days(1) for _, at in desk.asked]
    pauses = [later - earlier for earlier, later in pairwise(moments)]
    seconds = [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]
    assert pauses == [timedelta(seconds=one) for one in seconds]


async def test_a_failure_says_when_to_try_again() -> None:
    desk = Desk(TryAgain("busy", 20 * MINUTE))
    runs = began(desk)
    start(runs, Ladder)
    await runs.advance(BEGAN + days(1) + hours(1))
    assert [at for _, at in desk.asked] == [days(1), days(1) + 20 * MINUTE]


async def test_a_goal_does_not_cut_short_a_message_that_waits_for_its_next_attempt() -> None:
    desk = Desk(TryAgain("busy", hours(2)))
    runs = began(desk)
    run = start(runs, Ladder)
    await runs.advance(BEGAN + days(1) + hours(1))
    run.hear(ordered(days(1) + hours(1)))
    await runs.rest()
    assert run.is_open, "the gate decides at the next attempt"
    await runs.advance(BEGAN + days(1) + hours(2))
    assert outcomes(run) == ["converted"]


async def test_a_final_failure_of_a_message_is_the_tests() -> None:
    runs = began(Desk(TryAgain("Broken", final=True)))
    start(runs, Ladder)
    with pytest.raises(TryAgain, match="Broken"):
        await runs.advance(BEGAN + days(1))


async def test_an_answer_that_takes_its_time_moves_the_plan() -> None:
    desk = Desk(takes=hours(5))
    runs = began(desk)
    run = start(runs, Ladder)
    await runs.advance(BEGAN + days(1) + hours(4))
    assert [run.waiting] == [None]
    await runs.advance(BEGAN + days(1) + hours(5))
    waiting = run.waiting
    assert waiting is not None
    assert waiting.began == BEGAN + days(1) + hours(5)
    assert waiting.ended == BEGAN + days(2), "the plan goes by what fell due"


@pytest.mark.parametrize(
    ("failures", "attempts", "told"),
    [
        ([], 1, "yes"),
        ([TryAgain("Away", 50 * MINUTE)], 2, "yes"),
        ([TryAgain("Away", 50 * MINUTE), TryAgain("Away", 50 * MINUTE)], 2, "Away"),
        ([TryAgain("Refused", final=True)], 1, "Refused"),
    ],
    ids=["answered", "again", "too often", "final"],
)
async def test_a_call_is_tried_until_its_deadline(
    failures: list[TryAgain], attempts: int, told: str
) -> None:
    desk = Desk(*failures)
    runs = began(desk)
    start(runs, Asks)
    await runs.advance(BEGAN + days(1))
    assert (len(desk.asked), Asks.told) == (attempts, told)


async def test_a_purchase_ends_a_call_that_waits_for_its_next_attempt() -> None:
    desk = Desk(TryAgain("Away", 50 * MINUTE))
    runs = began(desk)
    run = start(runs, Asks)
    await runs.advance(BEGAN + MINUTE)
    run.hear(ordered(MINUTE))
    await runs.rest()
    assert outcomes(run) == ["converted"]
    assert len(desk.asked) == 1


async def test_a_run_that_awaits_something_else_says_so() -> None:
    runs = began(Desk())
    run = start(runs, Sleeps)
    with pytest.raises(BadInput, match="sleeps awaits something that is no verb"):
        await runs.rest()
    assert not run.is_open


@pytest.mark.parametrize("most", [3, None])
async def test_a_run_in_circles_is_left_off_where_there_is_a_limit(most: int | None) -> None:
    runs = began(Desk(), most=most)
    run = start(runs, Circles)
    await runs.advance(BEGAN + days(1))
    assert len(run.waits) == (4 if most else 24)
    assert run.is_open is (most is None)


async def test_a_run_that_writes_in_circles_is_left_off() -> None:
    desk = Desk()
    runs = began(desk, most=3)
    run = start(runs, Chatters)
    await runs.rest()
    assert (len(desk.asked), run.is_open) == (3, False)


async def test_a_fault_of_the_desk_is_none_of_the_steps() -> None:
    runs = began(Desk(ValueError("a fault")))
    run = start(runs, Shrugs)
    with pytest.raises(ValueError, match="a fault"):
        await runs.rest()
    assert (Shrugs.seen, run.is_open) == (False, True)


async def test_a_run_that_was_terminated_does_nothing_more() -> None:
    desk = Desk()
    runs = began(desk)
    run = start(runs, Ladder)
    await runs.advance(BEGAN + hours(1))
    run.terminate()
    await runs.advance(BEGAN + days(9))
    assert (desk.asked, run.waiting, outcomes(run)) == ([], None, [])


async def test_what_happens_between_two_timers_happens_at_its_moment() -> None:
    runs = began(Desk())
    run = start(runs, Ladder)
    seen: list[tuple[datetime, Any]] = []
    runs.at(BEGAN + hours(30), lambda: seen.append((runs.now, len(run.waits))))
    await runs.advance(BEGAN + days(9))
    assert seen == [(BEGAN + hours(30), 1)]
