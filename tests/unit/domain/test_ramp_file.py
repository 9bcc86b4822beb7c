"""``ramp.toml``: one clear line for each fault."""

import tomllib

import pytest

from sojourn.domain.errors import BadInput
from sojourn.domain.ramp import Ladder
from sojourn.domain.ramp_file import domain_of, read_ramps

OF = '[domains."shop.example"]\n'


def test_it_says_the_steps_of_each_domain() -> None:
    ramps = read_ramps(
        tomllib.loads(f'{OF}steps = [10, 20]\nbounces = 0.1\n[domains."news.shop.example"]\n')
    )
    assert ramps.named("Shop.Example") == Ladder(steps=(10, 20), bounces=0.1)
    assert ramps.named("news.shop.example") == Ladder()
    with pytest.raises(
        BadInput, match=r"has no domain other\.example; its domains are: shop\.example"
    ):
        ramps.named("other.example")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('["shop.example"]', r'shop\.example: no such entry: write \[domains\."shop\.example"\]'),
        ('domains = "shop.example"', "domains: is not a table"),
        ("[domains.shop.example]", '"shop" is not a domain: write it in quotes'),
        ('[domains."Shop.example"]', "in quotes and small letters"),
        (f"{OF}step = [1]", "step: no such entry. Choose one of: steps, bounces"),
        (f"{OF}steps = []", r"steps: write messages a day, each step more"),
        (f"{OF}steps = [10, 10]", "each step has more messages than the one before"),
        (f"{OF}steps = [0, 10]", "steps: write messages a day"),
        (f"{OF}bounces = 5", "bounces: write a share of messages: 0.05 is 5 %"),
        (f"{OF}complaints = true", "complaints: write a share"),
        (f"{OF}least = 0", "least: write a number of messages"),
    ],
)
def test_a_fault_is_one_clear_line(text: str, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        read_ramps(tomllib.loads(text))


def test_the_domain_of_a_sender() -> None:
    assert domain_of("hello@Shop.example") == "shop.example"
