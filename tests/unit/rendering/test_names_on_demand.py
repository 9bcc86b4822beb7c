"""Templates find their names once they ask for them."""

from collections.abc import Callable
from typing import Any

import pytest

from sojourn.domain.messages import Channel
from sojourn.rendering.environment import ON_DEMAND, OnDemand, environment
from sojourn.rendering.folders import ENGINE
from sojourn.rendering.vocabulary import Vocabulary
from tests.unit.rendering.test_templates import RENDERER, about


def test_a_message_that_says_nothing_of_the_cart_does_not_look_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looked: list[str] = []

    def noting(name: str, find: Callable[[Vocabulary], Any]) -> Callable[[Vocabulary], Any]:
        def way(words: Vocabulary) -> Any:
            looked.append(name)
            return find(words)

        return way

    ways = {name: noting(name, find) for name, find in Vocabulary._WAYS.items()}
    monkeypatch.setattr(Vocabulary, "_WAYS", ways)
    RENDERER.render(about("renewal", "today"), Channel.EMAIL)
    assert {"customer", "links", "formats", "subscription"} <= set(looked)
    assert not {"cart", "viewed", "order", "watched"} & set(looked)
    assert len(looked) == len(set(looked)), "each is found once, by whichever part of the message"


def test_no_name_is_one_of_jinjas_own() -> None:
    assert not set(Vocabulary._WAYS) & environment((ENGINE,)).globals.keys()


def said(text: str, **ways: Any) -> str:
    made = environment((ENGINE,)).from_string(text)
    return made.render({ON_DEMAND: OnDemand(ways, "ada")})


def test_what_a_template_sets_outweighs_a_name() -> None:
    ways = {"who": lambda of: of, "never": lambda of: 1 / 0}
    assert said("{% set who = 'bob' %}{{ who }}", **ways) == "bob"
    assert said("{% for who in [1, 2] %}{{ who }}{% endfor %}{{ who }}", **ways) == "12ada"
    assert said("{% if never is defined or 1 %}{{ who is defined }}{% endif %}", who=ways["who"])


def test_an_error_of_a_way_is_told_as_it_is() -> None:
    empty: dict[str, str] = {}
    with pytest.raises(KeyError):
        said("{{ odd }}", odd=lambda _: empty["gone"])
