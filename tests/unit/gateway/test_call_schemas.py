"""The description of the calls and the reader of calls agree on what is taken."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, ValidationError, validators

from sojourn.dispatch.calls import TYPES, WRITTEN_HERE, read_call
from sojourn.domain.errors import BadEvent
from sojourn.domain.reading import read_moment
from sojourn.gateway.http.description import VALUE
from sojourn.gateway.tracking.call_schemas import MOMENT, call_schema, ending_event
from sojourn.gateway.tracking.description import EXAMPLES
from sojourn.gateway.tracking.routes import type_of
from tests.support.project import PROJECT
from tests.unit.gateway.test_one_reader import CALLS

ARRIVED = datetime(2026, 11, 20, 12, tzinfo=UTC)
MISSING = object()
OF_THE_PROJECT = {"a price that is none", "a trait that is wrong"}
"""Calls that are at fault for a field of an event, or a trait."""
NO_SCHEMA_TELLS = {"too deep"}


def pattern(_: Any, wanted: str, text: Any, __: Any) -> Iterator[ValidationError]:
    """Match as JSON Schema has it: Python's dollar also matches before a last line feed."""
    if isinstance(text, str) and not re.search(re.sub(r"\$$", r"\\Z", wanted), text):
        yield ValidationError(f"{text!r} does not match {wanted}")


Validator = validators.extend(  # type: ignore[no-untyped-call]
    Draft202012Validator, {"pattern": pattern}
)
VALIDATORS = {
    kind: Validator(
        {
            **call_schema(kind),
            "components": {
                "schemas": {"Value": VALUE, "EndingEvent": ending_event(PROJECT.events)}
            },
        }
    )
    for kind in TYPES
}


def is_described(call: dict[str, Any], kind: str) -> bool:
    return bool(VALIDATORS[kind].is_valid(call))


def is_taken(call: dict[str, Any], kind: str) -> bool:
    sent = {name: value for name, value in call.items() if name != "writeKey"}
    try:
        sent["type"] = type_of(sent, kind)
        read_call(sent, PROJECT.events, received_at=ARRIVED)
    except BadEvent:
        return False
    return True


@pytest.mark.parametrize("name", sorted(CALLS.keys() - OF_THE_PROJECT - NO_SCHEMA_TELLS))
def test_the_description_takes_and_refuses_the_odd_calls_that_the_reader_does(name: str) -> None:
    call = CALLS[name]
    kind = call.get("type", "track")
    if kind in TYPES:
        assert is_described(call, kind) == is_taken(call, kind)


@pytest.mark.parametrize("name", sorted(OF_THE_PROJECT))
def test_the_description_leaves_fields_of_events_and_traits_to_the_reader(name: str) -> None:
    call = CALLS[name]
    assert is_described(call, call["type"])
    assert not is_taken(call, call["type"])


@pytest.mark.parametrize("value", [1e200, -1e200, [{"deep": 1e200}], "a\0b"])
def test_an_identify_of_nothing_that_can_be_stored_is_neither_described_nor_taken(
    value: Any,
) -> None:
    call = {"type": "identify", "userId": "c1", "traits": {"shoes": value}}
    assert not is_taken(call, "identify")
    assert not is_described(call, "identify")


@pytest.mark.parametrize("kind", TYPES)
def test_the_examples_are_described_and_taken(kind: str) -> None:
    assert is_described(EXAMPLES[kind], kind)
    assert is_taken(EXAMPLES[kind], kind)


# ---- generated -----------------------------------------------------------------------------

ODD: list[Any] = [
    MISSING, None, "", "  ", "\n\t", [], {}, False, True, 0, 42, -7, 42.0, 1.5, 10**99, 10**100,
    10**150, 1e300, "c42", " c 42 ", "c\n", "a\0b", "a\x7f", "é", "x" * 200, "x" * 201, [1],
    {"a": 1}, {"a": "b\0"}, {"a\0": 1}, [["\0"]],
]  # fmt: skip
MOMENTS: list[Any] = [
    MISSING, None, "", " ", 0, 1704369938, True, [], {}, "soon", "2024-01-04", "2024-01-04T11:45Z",
    "2024-01-04 11:45:38,5+0100", "2024-02-29T11:45:38Z", "2023-02-29T11:45:38Z",
    "2024-01-04T11:45:38", "1969-12-31T23:59:59Z", "2200-01-01T00:00:00Z", "a\0b",
]  # fmt: skip
CONTEXTS: list[Any] = [
    *ODD, {"traits": {"plan": "pro"}}, {"traits": []}, {"traits": ""}, {"traits": " "},
    {"traits": None}, {"traits": 0}, {"traits": "pro"}, {"traits": [1]}, {"locale": "it"},
]  # fmt: skip
NAMES: list[Any] = [
    *ODD, "Page Read", "Order Completed", "completed_order", "orderCompleted", "ORDER-COMPLETED",
    " order  completed ", "Subscription Renewed", "SubsCRIPtion´ReNEWED", "ordercompleted",
    "Order Completed 取消", "Order\u2013Completed", "Order Complete\u212a", *sorted(WRITTEN_HERE),
]  # fmt: skip
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    **{
        name: st.sampled_from(["c42", 42, MISSING]) | st.sampled_from(ODD)
        for name in ("userId", "anonymousId", "previousId", "messageId")
    },
    **{
        name: st.sampled_from([MISSING, "2024-01-04T11:45:38.123Z"]) | st.sampled_from(MOMENTS)
        for name in ("timestamp", "originalTimestamp", "sentAt", "receivedAt")
    },
    **{
        name: st.sampled_from([MISSING, {}]) | st.sampled_from(ODD)
        for name in ("properties", "integrations", "more", "mo\0re")
    },
    "traits": st.sampled_from([MISSING, {}, {"plan": "pro"}]) | st.sampled_from(ODD),
    "context": st.sampled_from([MISSING, {}]) | st.sampled_from(CONTEXTS),
    "event": st.sampled_from(["Page Read", "Order Completed"]) | st.sampled_from(NAMES),
    "type": st.just(MISSING) | st.sampled_from([None, "", 0, [], {}, False, "track", "page", " "]),
}


@pytest.mark.property
@given(kind=st.sampled_from(TYPES), call=st.fixed_dictionaries(FIELDS))
def test_the_description_takes_what_the_reader_takes_and_nothing_else(
    kind: str, call: dict[str, Any]
) -> None:
    call = {name: value for name, value in call.items() if value is not MISSING}
    if kind == "identify" and call.get("traits") in ({"a": "b\0"}, {"a\0": 1}):
        call["traits"] = {"plan": "pro"}  # a trait that nobody can read is the reader's matter
    assert is_described(call, kind) == is_taken(call, kind), (kind, call)


SPELT = ending_event(PROJECT.events)["pattern"].replace("$", r"\Z")
BETWEEN_LETTERS = [
    "",
    "",
    "",
    " ",
    "_",
    "-",
    "\u2013",
    "\u00a0",
    "é",
    "取",
    "0",
    "~",
    "´",
    "\u212a",
]
WAYS = st.tuples(st.sampled_from([str.lower, str.upper, str]), st.sampled_from(BETWEEN_LETTERS))


def spelt(name: str, ways: list[tuple[Callable[[str], str], str]]) -> str:
    return "".join(
        f"{case(one)}{between}" for one, (case, between) in zip(name, ways, strict=False)
    )


@pytest.mark.property
@given(
    name=st.from_regex(SPELT)
    | st.builds(
        spelt, st.sampled_from(sorted(PROJECT.events.use.ends)), st.lists(WAYS, min_size=30)
    )
)
def test_a_name_ends_runs_in_the_spellings_that_the_description_has(name: str) -> None:
    call = {"userId": "c42", "event": name, "timestamp": "soon", "properties": 5}
    assert is_described(call, "track") == is_taken(call, "track"), name


SEPARATORS, ZONES = "Tt _", ["Z", "z", "+01:00", "-0330", "\u221202:00", "+23:59", "-23:59"]
SPOILED = ["", " ", "T", "Z", "0", ".", "+24:00", "\n", "9"]


@pytest.mark.property
@given(
    moment=st.builds(
        "{:.{}}{}".format,
        st.builds(
            datetime.isoformat,
            st.datetimes(datetime(1970, 1, 2), datetime(2199, 12, 30)),
            st.sampled_from(SEPARATORS),
            st.just("microseconds"),
        ),
        st.sampled_from([16, 19, 20, 23, 26]),
        st.sampled_from(ZONES),
    ),
    spoiled=st.sampled_from(SPOILED),
    place=st.integers(0, 30),
)
def test_the_description_knows_a_moment_as_the_reader_does(
    moment: str, spoiled: str, place: int
) -> None:
    assert matches(moment) == reads(moment), moment
    text = moment[:place] + spoiled + moment[place:]
    assert matches(text) == reads(text), text


def test_the_description_knows_every_day_of_the_calendar() -> None:
    day = datetime(1970, 1, 1)
    while day < datetime(2200, 1, 1):
        assert matches(f"{day:%Y-%m-%d}T00:00Z")
        day += timedelta(days=1)
    for year in range(1970, 2200):
        for last in ("02-29", "02-30", "04-31", "06-31", "09-31", "11-31", "12-32", "13-01"):
            text = f"{year}-{last}T00:00Z"
            assert matches(text) == reads(text)
    assert not matches("1969-12-31T23:59:59Z")
    assert not matches("2200-01-01T00:00Z")


def matches(text: str) -> bool:
    return re.fullmatch(MOMENT[1:-1], text) is not None


def reads(text: str) -> bool:
    try:
        read_moment("timestamp", text)
    except BadEvent:
        return False
    return True
