"""iCalendar's values and lines."""

import re
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sojourn.rendering import ics

one_line = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=300)
any_text = st.text(max_size=200)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("Tern & Oak", "Tern & Oak"),
        ("one; two, three", r"one\; two\, three"),
        (r"C:\new", r"C:\\new"),
        ("a\nb\r\nc\rd\u2028e\x0bf", r"a\nb\nc\nd\ne\nf"),
        ("a\x00b\x1bc\u202ed", "a b c d"),
        ("a\tb: c", "a\tb: c"),
    ],
)
def test_a_text_is_escaped(value: str, written: str) -> None:
    assert ics.text(value) == written


@given(any_text)
@example("SUMMARY:x\r\nEND:VEVENT")
@example("\x85")
def test_no_text_can_begin_a_line_of_its_own(value: str) -> None:
    assert len(f"SUMMARY:{ics.text(value)}".splitlines()) == 1
    assert not re.search(r"(?<!\\)(?:\\\\)*[;,]", ics.text(value))


def test_moments_are_in_utc_and_days_are_days() -> None:
    warsaw = timezone(timedelta(hours=1))
    assert ics.moment(datetime(2026, 3, 13, 0, 30, tzinfo=warsaw)) == "20260312T233000Z"
    assert ics.moment(datetime(2026, 3, 12, 23, 30, 5, tzinfo=UTC)) == "20260312T233005Z"
    assert ics.day(date(2026, 3, 5)) == "20260305"


@given(st.lists(one_line.filter(lambda line: not line.startswith(" ")), max_size=5))
@example(["ż" * 100])
@example(["a" * 74 + "€"])
@example(["a" * 75])
@example(["a" * 76])
@example(["a" * 200])
def test_lines_are_folded_at_75_octets_and_unfold_to_what_they_were(lines: list[str]) -> None:
    sent = ics.folded(lines)
    for line in sent.encode().split(b"\r\n"):
        assert len(line) <= 75
        line.decode()
    assert sent.replace("\r\n ", "") == "".join(f"{line}\r\n" for line in lines)


def test_a_line_that_fits_is_left_alone() -> None:
    assert ics.folded(["a" * 75, "b"]) == "a" * 75 + "\r\nb\r\n"
    assert ics.folded(["a" * 76]) == "a" * 75 + "\r\n a\r\n"
