"""The impact of a change sums up what runs do under both versions; those that break are apart."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sojourn.insight.backtesting.comparing import Kind
from sojourn.insight.backtesting.side import Line
from sojourn.insight.leading.impact import as_json, change_line, headline, impact, some
from sojourn.insight.leading.leading import Led

NOON = datetime(2026, 3, 27, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def led(days: dict[str, float], broken: tuple[str, ...] = (), journey: str = "cart") -> Led:
    """Return runs led on: each sends its offer after so many days, or skips it if below zero."""
    runs = {f"{run}/e/c/offer": run for run in days}
    lines = [_line(run, after, journey) for run, after in days.items()]
    open_runs = {run: journey for run in days if run not in broken}
    return Led(NOON, NOON + 400 * DAY, lines, runs, open_runs, dict.fromkeys(broken, "differs"))


def _line(run: str, after: float, journey: str) -> Line:
    at = NOON + abs(after) * DAY
    state, reason = ("sent", "") if after >= 0 else ("skipped", "cap")
    customer = run.split(":")[1]
    return Line(f"{run}/e/c/offer", customer, journey, "offer", "email", state, reason, at, at)


BEFORE = led({"cart:a": 4, "cart:b": 4, "cart:c": 4, "cart:d": 4, "cart:e": 4}, ("cart:e",))
AFTER = led({"cart:a": 4, "cart:b": 2, "cart:c": -4, "cart:d": 9, "cart:e": 1}, ("cart:d",))


def test_each_run_is_unchanged_changed_or_broken() -> None:
    found = impact(BEFORE, AFTER)
    assert headline(found) == "5 open runs: 1 unchanged, 2 get something else, 1 break"
    assert found.changed == {"cart:b", "cart:c"}
    assert (set(found.broken), set(found.broken_before)) == ({"cart:d"}, {"cart:e"})


def test_messages_of_runs_that_break_under_either_are_compared_with_nothing() -> None:
    found = impact(BEFORE, AFTER)
    changes = {(found.run_of(one), one.kind) for one in found.compared.changes}
    assert changes == {("cart:b", Kind.EARLIER), ("cart:c", Kind.LOST)}
    (one,) = found.by_journey().values()
    then, now = one.steps["offer"]
    assert (one.unchanged, one.broken) == (1, 1)
    assert (then.sent, now.sent, dict(now.skipped)) == (3, 2, {"cap": 1})


def test_what_a_person_and_a_program_read() -> None:
    found = impact(BEFORE, AFTER)
    lines = [change_line(found, changes, 1) for changes in found.compared.grouped().values()]
    assert lines == [
        "cart/offer: gets it no more (1 customer): cart:c",
        "cart/offer: gets it earlier by 2 days in the middle (1 customer): cart:b",
    ]
    told: dict[str, Any] = as_json(found, 3)
    assert (told["runs"], told["unchanged"], told["changed"]) == (5, 1, 2)
    assert told["broken"] == [{"run": "cart:d", "reason": "differs"}]
    (lost, sooner) = told["journeys"]["cart"]["changes"]
    assert (lost["kind"], lost["runs"], lost["seconds"]) == ("gets it no more", 1, None)
    assert sooner["seconds"] == -2 * DAY.total_seconds()
    assert sooner["samples"][0]["run"] == "cart:b"


def test_a_journey_that_only_breaks_is_named_too() -> None:
    gone = led({"cart:a": 4}, ("cart:a",))
    (name,) = impact(led({"cart:a": 4}), gone).by_journey()
    assert name == "cart"


def test_some_names_stand_for_many() -> None:
    assert some(["a", "b"], 3) == "a, b"
    assert some(["a", "b", "c", "d"], 2) == "a, b and 2 more"
