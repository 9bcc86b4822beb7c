"""The values of a calendar file and its lines."""

import base64
import re
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from icalendar import Calendar

from sojourn.rendering import calendars

one_line = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=300)
any_text = st.text(max_size=200)
CALENDAR = "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//x//y//EN\nMETHOD:PUBLISH\n{}\nEND:VCALENDAR\n"


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("Tern & Oak", "Tern & Oak"),
        ("one; two, three", r"one\; two\, three"),
        (r"C:\new", r"C:\\new"),
        (r"C:\New\N", r"C:\\New\\N"),
        ("a\nb\r\nc\rd\u2028e\x0bf", r"a\nb\nc\nd\ne\nf"),
        ("a\x00b\x1bc\u202ed", "a b c d"),
        ("a\tb: c", "a\tb: c"),
    ],
)
def test_a_text_is_escaped(value: str, written: str) -> None:
    assert calendars.text(value) == written


@given(any_text)
@example("SUMMARY:x\r\nEND:VEVENT")
@example("\x85")
def test_no_text_can_begin_a_line_of_its_own(value: str) -> None:
    assert len(f"SUMMARY:{calendars.text(value)}".splitlines()) == 1
    assert not re.search(r"(?<!\\)(?:\\\\)*[;,]", calendars.text(value))


def test_moments_are_in_utc_and_days_are_days() -> None:
    warsaw = timezone(timedelta(hours=1))
    assert calendars.moment(datetime(2026, 3, 13, 0, 30, tzinfo=warsaw)) == "20260312T233000Z"
    assert calendars.moment(datetime(2026, 3, 12, 23, 30, 5, tzinfo=UTC)) == "20260312T233005Z"
    assert calendars.day(date(2026, 3, 5)) == "20260305"


@pytest.mark.parametrize("value", ["Tern & Oak", "a; b, c: d", "two\nlines", "ż" * 200])
def test_a_reader_of_calendars_reads_a_text_as_it_was(value: str) -> None:
    (file,) = calendars.attachments(CALENDAR.format(f"SUMMARY:{calendars.text(value)}"))
    assert Calendar.from_ical(base64.b64decode(file.data))["SUMMARY"] == value


@given(st.lists(one_line, max_size=5))
@example(["ż" * 100])
@example(["a" * 74 + "€"])
@example(["a" * 75])
@example(["a" * 76])
@example(["a" * 200])
def test_lines_are_folded_at_75_octets_and_unfold_to_what_they_were(lines: list[str]) -> None:
    properties = [f"X-{n}:{calendars.text(line)}".strip() for n, line in enumerate(lines)]
    rendered = CALENDAR.format("\n".join(properties))
    (file,) = calendars.attachments(rendered)
    sent = base64.b64decode(file.data)
    for line in sent.split(b"\r\n"):
        assert len(line) <= 75
        line.decode()
    unfolded = sent.decode().replace("\r\n ", "")
    assert unfolded.split("\r\n") == [*filter(None, rendered.split("\n")), ""]
