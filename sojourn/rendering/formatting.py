"""Amounts, dates and plurals as a customer writes them."""

import re
from collections.abc import Sequence
from datetime import date, datetime, time
from decimal import Decimal

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_time, get_timezone_location
from babel.numbers import format_currency, format_decimal, format_percent
from jinja2 import TemplateRuntimeError

from sojourn.domain.calendar import zone
from sojourn.rendering import calendars
from sojourn.rendering.languages import language

CENT = Decimal("0.01")
BASIS_POINT = Decimal("0.0001")

_PLACEHOLDER = re.compile(r"\{(\w+)\}")
# "PLN12.00": Unicode wants a space there, which babel leaves out
_LETTER_MEETS_DIGIT = re.compile(r"(?<=[^\W\d_])(?=\d)|(?<=\d)(?=[^\W\d_])")


class Formats:
    """One customer's habits: `money`, `date`, `plural` and the other filters of templates.

    Args:
        locale: decides on words and punctuation.
        timezone: IANA name; decides which day and hour a moment is.
    """

    def __init__(self, locale: Locale, timezone: str) -> None:
        self.locale = locale
        self._timezone = timezone

    def money(self, amount: Decimal | float, currency: str | None = None) -> str:
        """Write ``€1,234.50``; a bare ``1,234.50`` without a currency."""
        exact = _number("money", amount)
        if currency is None:
            return format_decimal(exact.quantize(CENT), format="#,##0.00", locale=self.locale)
        text = format_currency(exact, currency, locale=self.locale)
        return _LETTER_MEETS_DIGIT.sub("\N{NO-BREAK SPACE}", text)

    def percent(self, share: Decimal | float) -> str:
        """Write 0.1 as ``10%``."""
        exact = _number("percent", share).quantize(BASIS_POINT)
        return format_percent(exact, locale=self.locale, decimal_quantization=False)

    def ics(self, value: str | datetime | date, style: str = "") -> str:
        r"""Write a value of a calendar file: ``Coffee\, Tea``, ``20260312T233000Z``, ``20260313``.

        Args:
            value: a text, a moment, or a day.
            style: ``day`` for the day that a moment is where the customer lives.
        """
        if style not in ("", "day"):
            raise TemplateRuntimeError('ics: the only style is "day"')
        if isinstance(value, datetime):
            local = self._local(value)
            return calendars.day(local.date()) if style else calendars.moment(local)
        if isinstance(value, date):
            return calendars.day(value)
        if not isinstance(value, str) or style:
            wanted = "a moment or a day" if style else "a text, a moment or a day"
            raise TemplateRuntimeError(f"ics: wants {wanted}, not {_kind(value)}")
        return calendars.text(value)

    def date(self, when: datetime | date, style: str = "long", *, zone: str = "") -> str:
        """Write ``5 marca 2026``; with ``full``, ``czwartek, 5 marca 2026``.

        Args:
            when: a moment or a day.
            style: ``long`` or ``full``.
            zone: by the clocks of this place; empty: by the customer's.

        Returns:
            The day in the customer's language.

        Raises:
            jinja2.TemplateRuntimeError: it is neither a moment nor a day.
        """
        if isinstance(when, datetime):
            when = self._local(when, zone).date()
        if not isinstance(when, date):
            raise TemplateRuntimeError(f"date: wants a moment or a day, not {_kind(when)}")
        return format_date(when, style, locale=self.locale)

    def time(self, when: datetime | time, style: str = "short", *, zone: str = "") -> str:
        """Write ``18:05``.

        Args:
            when: a moment or an hour.
            style: ``short``, or another style that Unicode has.
            zone: by the clocks of this place; empty: by the customer's.

        Returns:
            The hour in the customer's habit.

        Raises:
            jinja2.TemplateRuntimeError: it is neither a moment nor an hour.
        """
        if isinstance(when, datetime):
            when = self._local(when, zone).time()
        if not isinstance(when, time):
            raise TemplateRuntimeError(f"time: wants a moment or an hour, not {_kind(when)}")
        return format_time(when, style, locale=self.locale)

    def plural(self, n: int, /, *, other: str = "", **words: object) -> str:
        """Return the sentence that fits ``n`` by the rules of the language.

        Give whole sentences, by CLDR category: ``one`` and ``other`` in English and Italian;
        ``one``, ``few`` and ``many`` in Polish. ``{n}`` in them is the number, and any other
        keyword is a placeholder too: ``plural(n, one="... at {shop}", ..., shop=shop.name)``.
        """
        category = self.locale.plural_form(n)
        sentence = words.get(category, other)
        if not sentence:
            raise TemplateRuntimeError(
                f'plural: {n} needs {category}="..." in {self.locale.language}'
            )
        given = {**words, "n": format_decimal(n, locale=self.locale)}

        def filled(placeholder: re.Match[str]) -> str:
            name = placeholder[1]
            if name not in given:
                raise TemplateRuntimeError(f"plural: nothing is given for {{{name}}}")
            return str(given[name])

        return _PLACEHOLDER.sub(filled, str(sentence))

    def city(self, timezone: str) -> str:
        """Write the city after which a time zone is called: ``Rzym`` for ``Europe/Rome``."""
        return get_timezone_location(timezone, locale=self.locale, return_city=True)

    def is_elsewhere(self, when: datetime, timezone: str) -> bool:
        """Tell whether the customer's clocks show another time than those of a place."""
        here, there = self._local(when), self._local(when, timezone)
        return here.utcoffset() != there.utcoffset()

    def _local(self, when: datetime, timezone: str = "") -> datetime:
        if when.tzinfo is None:
            raise TemplateRuntimeError("a moment needs its zone")
        return when.astimezone(zone(timezone or self._timezone))


def formatting_locale(lang: str, preferred: Sequence[str]) -> Locale:
    """Return the first of ``preferred`` in the template's language, else that language itself.

    An Italian text for a Swiss reader (``it-CH``) groups thousands as the Swiss do; a text in
    English for somebody from Norway is formatted in English throughout.
    """
    for name in (*preferred, lang):
        if language(name) == language(lang):
            try:
                return Locale.parse(name, sep="-")
            except (UnknownLocaleError, ValueError):
                continue
    raise TemplateRuntimeError(
        f'"{lang}" is not a language that dates and amounts can be written in'
    )


def _number(wanted_by: str, value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, Decimal | int | float):
        raise TemplateRuntimeError(f"{wanted_by}: wants a number, not {_kind(value)}")
    return Decimal(str(value))


def _kind(value: object) -> str:
    return "none" if value is None else type(value).__name__
