"""`Speech`: the figures of a report in the words of a language; numbers as its readers write them.

The terminal speaks English, a page any of `languages.LANGUAGES`.
"""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_skeleton, format_time
from babel.numbers import format_decimal, format_percent

from sojourn.domain.measuring.attribution import Model
from sojourn.domain.statistics import Interval, TooEarly, TooFewPaid
from sojourn.insight.experiments import Figure
from sojourn.insight.reporting import reasons
from sojourn.insight.reporting.brought import Against, Brought, More, Verdict
from sojourn.insight.reporting.figures import By
from sojourn.insight.reporting.rates import Box
from sojourn.insight.reporting.wording.english import ENGLISH as IN_ENGLISH
from sojourn.insight.reporting.wording.italian import ITALIAN
from sojourn.insight.reporting.wording.polish import POLISH
from sojourn.insight.reporting.wording.table import Counted, Wording

WORDINGS: Mapping[str, Wording] = {"en": IN_ENGLISH, "it": ITALIAN, "pl": POLISH}
"""By language: `languages.LANGUAGES`."""
_AMOUNT, _SIGNED = "#,##0.00", "+#,##0.00;-#,##0.00"
_UNKNOWN = "–"


class Speech:
    """Says figures in a language.

    Args:
        lang: one of `languages.LANGUAGES`.
    """

    def __init__(self, lang: str) -> None:
        self.lang = lang
        self.words = WORDINGS[lang]
        self._locale = Locale.parse(lang)

    # ---- numbers -------------------------------------------------------------------------------

    def number(self, value: float) -> str:
        """Write a number: ``1,234``."""
        return format_decimal(value, locale=self._locale)

    def counted(self, sentences: Counted, n: int) -> str:
        """Write the sentence that fits a number by the rules of the language."""
        sentence = sentences.get(self._locale.plural_form(n)) or sentences["other"]
        return sentence.format(n=self.number(n))

    def percent(self, share: float) -> str:
        """Write a share, a small one with one more digit: complaints are judged by these."""
        digits = "00" if 0 < share < 0.01 else "0"
        pattern = self.words.percent.format(digits=digits)
        return format_percent(share, format=pattern, locale=self._locale)

    def interval(self, value: Interval | None, *, signed: bool = False) -> str:
        """Write a share with its bounds: ``4.1 % (3.0 % to 5.6 %)``.

        Args:
            value: the share; None is written as a dash.
            signed: it is a difference, in percentage points.

        Returns:
            The words.
        """
        if value is None:
            return _UNKNOWN
        if signed:
            return self._extent(value, _SIGNED, by=100)
        low, point, high = map(self.percent, (value.low, value.point, value.high))
        return self.words.extent.format(point=point, low=low, high=high)

    def difference(self, figure: Figure | None) -> str:
        """Write how much higher a share is, in points: ``+2.10 (+0.90 to +3.30)``."""
        if isinstance(figure, Interval):
            return self.interval(figure, signed=True)
        return self.lacking(figure)

    def money(self, figure: Figure | None, *, signed: bool = False) -> str:
        """Write an amount with its bounds: ``4.20 (3.10 to 5.60)``.

        Args:
            figure: an amount, or why there is none.
            signed: it is a difference.

        Returns:
            The words.
        """
        if not isinstance(figure, Interval):
            return self.lacking(figure)
        return self._extent(figure, _SIGNED if signed else _AMOUNT)

    def amount(self, value: Decimal, currency: str | None = None) -> str:
        """Write an amount of money.

        Args:
            value: the amount.
            currency: written after it; empty: it is unknown; None: it stands elsewhere.

        Returns:
            The words; goals such as a login have no value.
        """
        if not value and currency == "":
            return self.words.no_value
        written = format_decimal(value, format=_AMOUNT, locale=self._locale)
        behind = "" if currency is None else f" {currency or self.words.no_currency}"
        return f"{written}{behind}"

    def orders(self, value: Decimal) -> str:
        """Write a number of orders, which may be a fraction if the model divides them."""
        whole = value == value.to_integral_value()
        return format_decimal(value, format="#,##0" if whole else _AMOUNT, locale=self._locale)

    def _extent(self, value: Interval, pattern: str, *, by: int = 1) -> str:
        low, point, high = (
            format_decimal(by * one, format=pattern, locale=self._locale)
            for one in (value.low, value.point, value.high)
        )
        return self.words.extent.format(point=point, low=low, high=high)

    # ---- days ----------------------------------------------------------------------------------

    def day(self, value: date | str) -> str:
        """Write a day in a table: ``Nov 30, 2026``.

        Args:
            value: the day, or its name in a report: ``2026-11-30``.
        """
        found = date.fromisoformat(value) if isinstance(value, str) else value
        return format_date(found, "medium", locale=self._locale)

    def group(self, unit: str, name: str) -> str:
        """Write a day, a week or a month of a trend.

        Args:
            unit: ``day``, ``week`` or ``month``.
            name: its first day: ``2026-11-01``.

        Returns:
            The day, or ``November 2026``.
        """
        if unit != "month":
            return self.day(name)
        first = date.fromisoformat(name)
        return format_skeleton("yMMMM", first, locale=self._locale)

    def said_day(self, value: date) -> str:
        """Write a day within a sentence: ``November 30, 2026``."""
        return format_date(value, self.words.day, locale=self._locale)

    def clock(self, value: datetime, tz: ZoneInfo) -> str:
        """Write an hour: ``08:00``."""
        return format_time(value.astimezone(tz), "HH:mm", locale=self._locale)

    # ---- words ---------------------------------------------------------------------------------

    def model(self, model: Model) -> str:
        """Return the rule that divides orders among messages, in words."""
        return self.words.models[model]

    def named(self, by: By, name: str) -> str:
        """Return the name of a group by a column, in words if the column is empty."""
        return name or self.words.splits[by].empty

    def reason(self, reason: str) -> str:
        """Return the short name of a reason."""
        return reasons.named(reason, self.lang)

    def why(self, reason: str) -> str:
        """Return what a reason means; empty if this version does not know it."""
        return reasons.because(reason, self.lang)

    def told(self, more: Interval | None) -> str:
        """Say whether a difference is more than chance."""
        if more is None:
            return ""
        if not more.excludes():
            return self.words.told[Verdict.CHANCE]
        return self.words.told[Verdict.HIGHER if more.low > 0 else Verdict.LOWER]

    def lacking(self, figure: TooFewPaid | TooEarly | None) -> str:
        """Say why there is no interval."""
        words = self.words
        match figure:
            case TooFewPaid(paid=paid, needed=needed):
                return words.too_few_paid.format(paid=self.number(paid), needed=self.number(needed))
            case TooEarly(lacking=lacking) if lacking:
                return words.too_early.format(
                    customers=self.number(figure.customers),
                    needed=self.number(figure.horizon.customers or 0),
                )
            case TooEarly(horizon=horizon) if horizon.until is not None:
                return words.too_early_until.format(moment=self.said_day(horizon.until))
        return _UNKNOWN

    def verdict(self, more: More) -> str:
        """Say what a difference tells, and whether it does so to those who look each day."""
        word = self.words.told[more.verdict]
        if more.verdict in (Verdict.HIGHER, Verdict.LOWER) and not more.holds:
            return self.words.once.format(verdict=word)
        return word

    def standing(self, brought: Brought, against: Against) -> str:
        """Say how a side stands in all: of a control group, if it is worth to write."""
        word = self.words.standings[against.standing]
        if not brought.is_holdout:
            return word
        return self.words.standings_held_out.get(against.standing, word)

    def experiment(self, brought: Brought) -> str:
        """Return the title of what an experiment has brought."""
        words = self.words.brought
        if not brought.is_holdout:
            return words.title.format(name=brought.name)
        return words.against_held_out if brought.source else words.against_all_held_out

    def box(self, box: Box) -> str:
        """Return the verdict on a mailbox provider."""
        if box.over is None:
            return self.words.verdicts["few"]
        if len(box.over) > 1:
            return self.words.verdicts["both"]
        return self.words.verdicts[box.over[0] if box.over else "within"]


ENGLISH = Speech("en")
"""The speech of the terminal."""
