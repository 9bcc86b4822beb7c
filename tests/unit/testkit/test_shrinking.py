"""A script that breaks something is made smaller, and what is left is written as Python has it."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sojourn.domain.events import OrderCompleted, ProductAdded
from sojourn.testkit.fuzzing.code import Code
from sojourn.testkit.fuzzing.script import AT_ONCE, BEGIN, Ahead, Publishes, Says, Script, Stops
from sojourn.testkit.fuzzing.shrinking import shrunk

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ADDED = Publishes(ProductAdded, {"product_id": "p", "name": "Lamp"}, 5 * HOUR, late=DAY, id="m")
BOUGHT = Publishes(OrderCompleted, {"order_id": "o"}, DAY + timedelta(minutes=7))
LONG = Script(
    (ADDED, Stops(), Says({"email": ""}, 3 * HOUR), BOUGHT, ADDED),
    BEGIN + 9 * DAY,
    {"timezone": "Asia/Kolkata"},
    "spread = 0",
    30 * DAY,
)


def test_all_that_the_breach_does_not_need_is_left_out() -> None:
    def breaks(script: Script) -> bool:
        return any(
            isinstance(act, Publishes) and act.event is OrderCompleted for act in script.acts
        )

    assert shrunk(LONG, breaks) == Script(
        (Publishes(OrderCompleted, {"order_id": "o"}),), BEGIN, rest=AT_ONCE
    )


def test_a_moment_that_the_breach_needs_is_kept_when_acts_before_it_go() -> None:
    def breaks(script: Script) -> bool:
        waited = sum((act.after for act in script.acts), AT_ONCE)
        return len(script.acts) >= 2 and waited >= 30 * HOUR and script.rest >= 3 * DAY

    small = shrunk(LONG, breaks)
    assert len(small.acts) == 2
    assert sum((act.after for act in small.acts), AT_ONCE) == 32 * HOUR
    assert small.rest == 5 * DAY


def test_a_script_that_nothing_breaks_any_more_stays_as_it_is() -> None:
    assert shrunk(LONG, lambda script: False) is LONG


def test_values_are_written_as_python_has_them() -> None:
    at = datetime(2026, 3, 29, 0, 30, tzinfo=UTC)
    values: dict[Any, str] = {
        at: "datetime(2026, 3, 29, 0, 30, tzinfo=UTC)",
        at + timedelta(microseconds=1000): "datetime(2026, 3, 29, 0, 30, 0, 1000, tzinfo=UTC)",
        at.replace(minute=0): "datetime(2026, 3, 29, 0, tzinfo=UTC)",
        date(2028, 2, 29): "date(2028, 2, 29)",
        2 * DAY: "timedelta(days=2)",
        DAY + HOUR: "timedelta(hours=25)",
        DAY + timedelta(seconds=1.5): "timedelta(days=1, seconds=1.5)",
        'a "b" \\': '"a \\"b\\" \\\\"',
        7: "7",
    }
    for value, written in values.items():
        assert Code().of(value) == written
        code = Code()
        read = eval(code.of([{"x": value}]), _names(code))
        assert read == [{"x": value}]


def test_an_amount_is_written_as_a_call_has_it() -> None:
    assert Code().of({"price": Decimal("12.50")}) == '{"price": "12.50"}'


def test_moments_of_fields_are_counted_from_the_event() -> None:
    assert Ahead(2 * DAY).at(BEGIN) == BEGIN + 2 * DAY
    assert Ahead(-DAY, is_day=True).at(BEGIN) == date(2026, 3, 9)


def _names(code: Code) -> dict[str, Any]:
    known = {"UTC": UTC, "date": date, "datetime": datetime, "timedelta": timedelta}
    return {name: known[name] for name in code.names}
