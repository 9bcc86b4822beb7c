"""Journeys as Temporal's workflows: what a class is asked once, and what for every run."""

from collections.abc import Iterator
from types import new_class
from typing import Any

import pytest
from temporalio import workflow

from sojourn import EMAIL, Journey, Message, hours
from sojourn.events import ProductAdded, SignedUp


class Plain(Journey, name="plain-workflow", topic="x", starts_on=ProductAdded, key="cart_id"):
    """No handlers of its own."""

    word = Message(EMAIL, useful_for=hours(1))

    async def steps(self) -> None:
        """Say a word."""
        await self.send(self.word)


class Asked(Journey, name="asked-workflow", topic="x", starts_on=SignedUp):
    """A handler of its own."""

    word = Message(EMAIL, useful_for=hours(1))

    async def steps(self) -> None:
        """Say a word."""
        await self.send(self.word)

    @workflow.query
    def mood(self) -> str:
        """Tell how it is."""
        return "well"


@pytest.fixture
def looked_through(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Note whose classes are looked through for handlers, within a sandbox."""
    names: list[str] = []

    def defn(*, name: str) -> object:
        names.append(name)
        return real(name=name)

    real = workflow.defn
    monkeypatch.setattr(workflow, "defn", defn)
    workflow.unsafe._set_in_sandbox(True)
    try:
        yield names
    finally:
        workflow.unsafe._set_in_sandbox(False)


def _again(journey: type[Journey], name: str, terms: dict[str, Any]) -> Any:
    """Make a class once more, as the sandbox does when it loads the file."""
    body = {
        key: value
        for key, value in vars(journey).items()
        if key not in {"run", "__dict__", "__weakref__", "terms", "messages"}
        and not key.startswith("__temporal")
    }
    return new_class(
        journey.__name__, (Journey,), {**terms, "name": name}, lambda it: it.update(body)
    )


def test_a_journey_without_handlers_is_looked_through_once(looked_through: list[str]) -> None:
    again = _again(Plain, "plain-workflow", {"starts_on": ProductAdded, "key": "cart_id"})
    assert not looked_through
    first = workflow._Definition.must_from_class(Plain)
    second = workflow._Definition.must_from_class(again)
    assert second.run_fn is again.run
    assert again.run is not first.run_fn
    assert second.cls is again
    assert (second.name, second.arg_types, second.ret_type) == (
        first.name,
        first.arg_types,
        first.ret_type,
    )
    assert (second.signals, second.queries, second.updates) == (
        first.signals,
        first.queries,
        first.updates,
    )
    assert second.updates


def test_a_journey_with_a_handler_has_that_of_its_sandbox(looked_through: list[str]) -> None:
    again = _again(Asked, "asked-workflow", {"starts_on": SignedUp})
    assert looked_through == ["asked-workflow"]
    assert "mood" in workflow._Definition.must_from_class(again).queries
