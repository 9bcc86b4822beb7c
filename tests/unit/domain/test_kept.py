"""A fact is worked out once, and a finding is put into words once somebody reads it."""

import pytest

from sojourn import count, days, did, last
from sojourn.domain.facts import Fact, Finding, read_fact, written
from sojourn.domain.facts.answers import event_names, of_events
from sojourn.domain.facts.kept import MOST, Kept
from sojourn.domain.facts.walking import leaves
from sojourn.events import OrderCompleted, ProductAdded


def test_an_answer_is_worked_out_once_for_each_fact() -> None:
    asked: list[str] = []

    def text(fact: Fact) -> str:
        asked.append(str(fact))
        return str(fact)

    kept = Kept(text)
    bought, added = did(OrderCompleted), did(ProductAdded)
    assert [kept(bought), kept(added), kept(bought)] == [str(bought), str(added), str(bought)]
    assert asked == [str(bought), str(added)]


def test_facts_that_come_and_go_are_never_taken_for_one_another() -> None:
    """A fact that nobody holds gives its place in the memory to the next one."""
    kept = Kept(str)
    facts = [did(OrderCompleted, at_least=n) for n in range(2, 7)]
    told = [written(fact) for fact in facts]
    for n in range(MOST + 10):
        which = n * n % 5
        assert kept(read_fact(told[which])) == str(facts[which])
    assert len(kept._known) <= MOST


def test_a_fact_that_is_changed_is_another_fact() -> None:
    once = did(OrderCompleted)
    both = once & did(ProductAdded)
    assert len(leaves(once)) == 1
    assert len(leaves(both)) == 2
    assert event_names(both) == {"Order Completed", "Product Added"}
    twice = once.model_copy(update={"value": did(OrderCompleted, at_least=2).value})  # type: ignore[attr-defined]
    assert list(of_events(once).values()) == [1]
    assert list(of_events(twice).values()) == [2]


def test_what_a_fact_asks_cannot_be_changed_by_who_reads_it() -> None:
    asked = of_events(did(OrderCompleted))
    with pytest.raises(TypeError):
        asked[next(iter(asked))] = 9  # type: ignore[index]


def test_the_words_of_a_finding_are_written_when_they_are_read() -> None:
    read: list[str] = []

    def tell() -> str:
        read.append("orders: 1 of 2")
        return read[-1]

    found = Finding(False, tell)
    joined = Finding(False, "all of", (found, Finding(True, "plan")))
    assert not read
    assert joined.because == "orders: 1 of 2"
    assert len(read) == 1
    assert found == Finding(False, "orders: 1 of 2")
    assert hash(found) == hash(Finding(False, "orders: 1 of 2"))
    assert found != Finding(False, "orders: 0 of 2")


def test_measures_of_one_event_are_told_apart() -> None:
    lately = count(OrderCompleted, within=days(3)).of
    asked = [count(OrderCompleted).of, lately, last(OrderCompleted).of]
    found = {one: number for number, one in enumerate(asked)}
    assert [found[one] for one in asked] == [0, 1, 2]
    assert found[count(OrderCompleted, within=days(3)).of] == 1
