"""The demo's programme follows from the journeys of a project."""

import re
from collections import Counter
from pathlib import Path
from typing import Annotated

from pydantic import Field

from sojourn import SMS, Event, Journey, Message, days
from sojourn.cli.demo import shipped
from sojourn.cli.demo.programme import programme_of
from sojourn.cli.demo.shipped import asked_for
from sojourn.domain.topics import Topics, read_topics
from sojourn.journeys.registry import Journeys
from tests.support.project import PROJECT


class TrialBegan(Event, name="Trial Began"):
    """A trial began."""


class SecretTold(Event, name="Secret Told"):
    """An event with a field that nobody can guess."""

    word: Annotated[str, Field(pattern="^xyzzy$")]


class Onboarding(Journey, name="onboarding", starts_on=TrialBegan):
    """A journey with the name of a shipped one that starts on another event."""

    hello = Message(SMS, useful_for=days(1))

    async def steps(self) -> None:
        """Write once."""
        await self.send(self.hello)


class Secretive(Journey, name="secretive", starts_on=SecretTold):
    """A journey that no made-up event starts."""

    hello = Message(SMS, useful_for=days(1))

    async def steps(self) -> None:
        """Write once."""
        await self.send(self.hello)


def test_the_shops_journeys_have_their_own_tales() -> None:
    programme = programme_of(PROJECT.journeys)
    assert Counter(tale.journey for tale in programme.tales) == {
        "abandoned-cart": 4,
        "double-opt-in": 1,
        "onboarding": 2,
        "renewal": 1,
    }
    assert programme.left_out == ()


def test_a_journey_that_is_switched_off_is_not_played() -> None:
    journeys = Journeys(PROJECT.journeys.values(), off=["renewal", "onboarding", "double-opt-in"])
    assert {tale.journey for tale in programme_of(journeys).tales} == {"abandoned-cart"}


def test_a_journey_with_a_shipped_name_that_starts_otherwise_is_played_by_its_own_event() -> None:
    (tale,) = programme_of(Journeys([Onboarding])).tales
    assert tale.begins is TrialBegan


def test_a_journey_without_a_fitting_event_is_left_out_with_the_reason() -> None:
    programme = programme_of(Journeys([Secretive]))
    assert programme.tales == ()
    assert programme.left_out == (
        'secretive is not played: "Secret Told": nothing that we can make up fits the field "word"',
    )


def test_the_tale_of_an_opt_in_asks_for_a_topic_that_the_project_has() -> None:
    reviews = {"name": {"en": "Reviews"}}
    account = {"name": {"en": "Account"}, "class": "transactional"}
    assert asked_for(Topics()) == "newsletter"
    assert asked_for(PROJECT.topics) == "newsletter"
    assert asked_for(read_topics({"account": account, "reviews": reviews})) == "reviews"
    assert asked_for(read_topics({"account": account})) == ""


def test_no_two_tales_are_about_one_customer() -> None:
    """Ids follow from names: two customers of one name would be one person."""
    told = [
        name
        for file in Path(shipped.__file__).parent.glob("*.py")
        for name in re.findall(r'guide\.customer\(\s*"(\w+)"', file.read_text())
    ]
    assert len(told) > len(shipped.SHIPPED) // 2
    assert sorted(set(told)) == sorted(told)
