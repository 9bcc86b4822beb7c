"""Calendar files that go along with an e-mail: their values, their lines, what they need.

The format is iCalendar: https://www.rfc-editor.org/rfc/rfc5545.
"""

import base64
import re
from datetime import UTC, date, datetime

from icalendar import Calendar, Component, vDate, vDatetime, vText
from icalendar.parser import Contentline, Contentlines
from jinja2 import TemplateRuntimeError

from sojourn.domain.content import Attachment

MEDIA_TYPE = "text/calendar; charset=utf-8; method="
METHODS = {"PUBLISH": (), "CANCEL": ("ORGANIZER", "SEQUENCE")}
"""The methods of files, and what events need for each beside the usual (RFC 5546, 3.2)."""

# characters that no value may hold, and those that would turn its direction
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def text(value: str) -> str:
    r"""Write a text: ``\``, ``;`` and ``,`` are escaped, a line break becomes ``\n``."""
    printable = "\n".join(_UNPRINTABLE.sub(" ", line) for line in value.splitlines())
    # the library takes "\N", as in C:\New, for a line break
    return r"\\N".join(_written(vText(part)) for part in printable.split(r"\N"))


def moment(when: datetime) -> str:
    """Write a moment, in UTC: ``20260312T233000Z``.

    Args:
        when: aware.
    """
    return _written(vDatetime(when.astimezone(UTC)))


def day(when: date) -> str:
    """Write a day: ``20260312``."""
    return _written(vDate(when))


def attachments(rendered: str) -> tuple[Attachment, ...]:
    """Return the attachment that a template ``.ics`` makes; nothing if it is silent.

    Args:
        rendered: one property a line, as long as it likes; empty lines and indents are for the
            eyes.

    Returns:
        One file or none. Its lines end and fold as the format wants.

    Raises:
        jinja2.TemplateRuntimeError: the file is not a calendar that others can read.
    """
    lines = [line.strip() for line in rendered.splitlines() if line.strip()]
    if not lines:
        return ()
    data = _written(Contentlines(map(Contentline, lines)))
    method = _checked(data)
    return (Attachment("event.ics", MEDIA_TYPE + method, base64.b64encode(data.encode()).decode()),)


def _written(value: vText | vDatetime | vDate | Contentlines) -> str:
    data: bytes = value.to_ical()
    return data.decode()


def _checked(data: str) -> str:
    """Return the method of a file."""
    try:
        calendar = Calendar.from_ical(data)
    except ValueError:  # without its text, which quotes the file
        raise TemplateRuntimeError("its .ics is not a calendar") from None
    if not isinstance(calendar, Calendar):
        raise TemplateRuntimeError("its .ics must begin with BEGIN:VCALENDAR")
    method = str(calendar.get("METHOD"))
    if method not in METHODS:
        raise TemplateRuntimeError("its .ics lacks METHOD:PUBLISH or METHOD:CANCEL")
    for component in calendar.walk():
        _check_component(component, METHODS[method] if component.name == "VEVENT" else ())
    return method


def _check_component(component: Component, also: tuple[str, ...]) -> None:
    for name, _ in component.errors:
        raise TemplateRuntimeError(f"its .ics: {name or 'a line'} of {component.name} is not valid")
    for name in (*component.required, *also):
        if name not in component:
            raise TemplateRuntimeError(f"its .ics: {component.name} lacks {name}")
