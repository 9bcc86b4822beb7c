"""The settings of journeys in shadow: what is refused, and in which words."""

from pathlib import Path

import pytest

from sojourn import EMAIL, Context, Journey, Message, activity, hours
from sojourn.domain.calls import NonPersonal
from sojourn.domain.errors import BadInput, UnknownName
from sojourn.domain.messages import Channel
from sojourn.events import OrderCompleted, ProductAdded
from sojourn.journeys.activities import SHADOWED
from sojourn.journeys.registry import Journeys
from sojourn.journeys.shadowing import called_by, check_shadow
from sojourn.rendering.folders import Folders, missing


class Code(NonPersonal):
    """An answer."""

    code: str


@activity
async def take_money(context: Context, cents: int) -> Code:
    """Do something in the world."""
    raise AssertionError((context, cents))


@activity(effects=False)
async def look_up(context: Context) -> Code:
    """Only read."""
    raise AssertionError(context)


@activity(in_shadow=Code(code="none"))
async def issue(context: Context) -> Code:
    """Have a stand-in."""
    raise AssertionError(context)


class Old(Journey, name="old", topic="cart", starts_on=ProductAdded, goal=OrderCompleted):
    """The one that writes."""

    word = Message(EMAIL, useful_for=hours(1))

    async def steps(self) -> None:
        """Call what has effects."""
        await self.call(take_money, cents=1)


class Harmless(Old, name="harmless", instead_of=Old):
    """It overrides the steps, and calls nothing that has effects."""

    async def steps(self) -> None:
        """Call what is allowed."""
        await self.call(look_up)
        await self.call(issue)


async def by_the_way(run: Journey) -> None:
    """Call for a journey that uses a function beside it."""
    await run.call(take_money, cents=2)


class Hidden(Old, name="hidden", instead_of=Old):
    """Its call is in a function of the same file, within another one."""

    async def steps(self) -> None:
        """Call by another function."""

        async def later() -> None:
            await by_the_way(self)

        await later()


def test_what_a_journey_calls_is_found_in_its_code_and_beside_it() -> None:
    assert [one.name for one in called_by(Old)] == ["take_money"]
    assert [one.name for one in called_by(Harmless)] == ["issue", "look_up"]
    assert [one.name for one in called_by(Hidden)] == ["take_money"]


def test_a_journey_that_calls_what_has_effects_cannot_be_in_shadow() -> None:
    check_shadow(Journeys([Old, Harmless], shadow=["harmless"]))
    with pytest.raises(BadInput) as raised:
        check_shadow(Journeys([Old, Hidden], shadow=["hidden"]))
    assert str(raised.value).startswith(
        "hidden cannot run in shadow: it calls take_money, which has effects; say"
    )


def test_an_unknown_name_and_a_double_one_are_refused() -> None:
    with pytest.raises(UnknownName, match='no journey "harmles": did you mean "harmless"'):
        Journeys([Old, Harmless], shadow=["harmles"])
    with pytest.raises(BadInput, match="old is off and in shadow: leave it in one"):
        Journeys([Old], off=["old"], shadow=["old"])
    with pytest.raises(BadInput, match="harmless and hidden are both there instead of old"):
        Journeys([Old, Harmless, Hidden])
    Journeys([Old, Harmless, Hidden], shadow=["hidden"])
    Journeys([Old, Harmless, Hidden], off=["hidden"])


def test_who_is_at_rest_and_who_is_replaced() -> None:
    beside = Journeys([Old, Harmless], shadow=["harmless"])
    assert dict(beside.replaced) == {}
    assert beside.at_rest == {"harmless"}
    live = Journeys([Old, Harmless])
    assert dict(live.replaced) == {"old": "harmless"}
    assert live.at_rest == {"old"}
    assert Journeys([Old, Harmless], each=True).at_rest == frozenset()
    assert Journeys([Harmless]).at_rest == frozenset(), "the old one is in no folder any more"


@pytest.mark.parametrize("given", [object, "old", Journey])
def test_instead_of_takes_the_class_of_a_journey(given: object) -> None:
    with pytest.raises(TypeError, match="instead_of= takes the class of a journey"):
        type("Wrong", (Old,), {}, name="wrong", instead_of=given)


def test_a_version_has_a_name_of_its_own() -> None:
    with pytest.raises(TypeError, match='is called "old" as the one that it is instead of'):
        type("Same", (Old,), {}, name="old", instead_of=Old)


def test_an_answer_in_shadow_is_of_the_declared_type() -> None:
    with pytest.raises(TypeError, match="in_shadow='x' is not what it declares to return"):

        @activity(in_shadow="x")
        async def wrong(context: Context) -> Code:
            raise AssertionError(context)

    with pytest.raises(TypeError, match="it only reads, and is called: leave out in_shadow="):

        @activity(effects=False, in_shadow=Code(code="x"))
        async def both(context: Context) -> Code:
            raise AssertionError(context)


def test_a_run_in_shadow_gets_the_declared_answer_or_a_failure() -> None:
    assert issue.supposed().result == {"code": "none"}
    assert take_money.supposed().failure == SHADOWED


def test_a_version_has_the_templates_of_the_old_one_where_it_has_none(tmp_path: Path) -> None:
    for name in ("old/word.email.en.html", "old/other.email.en.html", "new/other.email.it.html"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    folders = Folders([tmp_path], {"new": "old"})
    assert folders.home("new", "word", Channel.EMAIL) == "old"
    assert folders.home("new", "other", Channel.EMAIL) == "new"
    assert folders.home("new", "nothing", Channel.EMAIL) == "new"
    assert folders.languages("new", "word", Channel.EMAIL) == {"en"}
    lacking = missing(
        [("new", "word", Channel.EMAIL), ("new", "other", Channel.EMAIL)],
        ("en",),
        [tmp_path],
        {"new": "old"},
    )
    assert lacking == ["new/other.email.en.html"]
