"""`sojourn check` says which journeys start each other."""

from sojourn import Event, Journey, hours
from sojourn.events import OrderCompleted, SignedUp
from sojourn.journeys.circles import circles, told_by
from tests.support.saying import Circle, Saying, TellsItself
from workflows.onboarding import Onboarding


class Ping(Event, name="Ping"):
    """Begins one."""


class Pong(Event, name="Pong"):
    """Begins the other."""


class One(Journey, name="one", starts_on=Ping):
    """Tells the class."""

    async def steps(self) -> None:
        await self.sleep(hours(1))
        await self.tell(Pong)


class Other(Journey, name="other", starts_on=OrderCompleted, restarts_on=Pong):
    """Tells an event, in a helper."""

    async def steps(self) -> None:
        await self.say_it()

    async def say_it(self) -> None:
        await self.tell(Ping(customer_id=self.customer_id))


class Third(Journey, name="third", starts_on=Pong):
    """Tells what begins nothing."""

    async def steps(self) -> None:
        await self.tell(SignedUp)


def test_what_steps_tell_is_read_from_their_source() -> None:
    assert told_by(One) == {"Pong"}
    assert told_by(Other) == {"Ping"}
    assert told_by(Saying) == {"Signed Up"}
    assert told_by(Onboarding) == set()


def test_a_circle_is_said_once() -> None:
    (line,) = circles([One, Other, Third, Onboarding])
    assert line.startswith(
        "one and other can start each other endlessly: one tells Pong, other tells Ping."
    )


def test_a_journey_that_starts_itself_is_a_circle() -> None:
    (line,) = circles([Circle])
    assert line.startswith(
        "abandoned-cart can start itself endlessly: abandoned-cart tells Product Added."
    )
    assert circles([TellsItself]) == [line]


def test_journeys_that_follow_one_another_are_none() -> None:
    assert circles([Saying, Onboarding]) == []
    assert circles([One, Third]) == []
