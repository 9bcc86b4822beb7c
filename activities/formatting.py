"""Amounts, dates and plurals as a customer writes them."""

from datetime import date, datetime, time
from decimal import Decimal

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_time
from babel.numbers import format_currency, format_decimal, format_percent
from jinja2 import TemplateRuntimeError

from domain.calendar import zone
from domain.locales import language

CENT = Decimal("0.01")
BASIS_POINT = Decimal("0.0001")


class Formats:
    """One customer's habits: what `money`, `date`, `time`, `percent` and `plural` do in templates.

    Args:
        locale: decides on words and punctuation.
        timezone: IANA name; decides which day and hour a moment is.
    """

    def __init__(self, locale: Locale, timezone: str) -> None:
        self.locale = locale
        self._timezone = timezone

    def money(self, amount: Decimal | float | None, currency: str | None = None) -> str:
        """``€1,234.50``; a bare ``1,234.50`` if nobody said of what."""
        if amount is None:
            raise TemplateRuntimeError("money: there is no amount; ask {% if ... is not none %}")
        exact = Decimal(str(amount))
        if currency is None:
            return format_decimal(exact.quantize(CENT), format="#,##0.00", locale=self.locale)
        return format_currency(exact, currency, locale=self.locale)

    def percent(self, share: Decimal | float) -> str:
        """``10%`` of 0.1."""
        exact = Decimal(str(share)).quantize(BASIS_POINT)
        return format_percent(exact, locale=self.locale, decimal_quantization=False)

    def date(self, when: datetime | date, style: str = "long") -> str:
        """``5 marca 2026``; with ``full``, ``czwartek, 5 marca 2026``."""
        if isinstance(when, datetime):
            when = self._local(when).date()
        return format_date(when, style, locale=self.locale)

    def time(self, when: datetime | time, style: str = "short") -> str:
        """``18:05``."""
        if isinstance(when, datetime):
            when = self._local(when).time()
        return format_time(when, style, locale=self.locale)

    def plural(self, n: int, /, *, other: str = "", **words: object) -> str:
        """The sentence that fits ``n``, chosen by the language's own rules.

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
        text = str(sentence).replace("{n}", format_decimal(n, locale=self.locale))
        for name, value in words.items():
            text = text.replace(f"{{{name}}}", str(value))
        return text

    def _local(self, when: datetime) -> datetime:
        if when.tzinfo is None:
            raise TemplateRuntimeError("a moment needs its zone")
        return when.astimezone(zone(self._timezone))


def formatting_locale(lang: str, preferred: tuple[str, ...]) -> Locale:
    """The first of ``preferred`` that is of the template's language, else that language itself.

    An Italian text for a Swiss reader (``it-CH``) groups thousands as the Swiss do; a text in
    English for somebody from Norway is formatted in English throughout.
    """
    for name in (*preferred, lang):
        if language(name) == language(lang):
            try:
                return Locale.parse(name, sep="-")
            except (UnknownLocaleError, ValueError):
                continue
    raise TemplateRuntimeError(f'"{lang}" is no language that dates and amounts can be put in')
