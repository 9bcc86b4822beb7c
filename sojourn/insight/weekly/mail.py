"""The weekly report as an e-mail: tables, bars of table cells, and a text part; no picture."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import jinja2
from babel.dates import format_interval
from babel.numbers import format_decimal

from sojourn.domain.content import Content
from sojourn.domain.messages import Channel
from sojourn.insight.reporting import reasons
from sojourn.insight.reporting.figures import Group, Money, Part, together
from sojourn.insight.reporting.rates import judged
from sojourn.insight.weekly.figures import Weekly
from sojourn.insight.weekly.words import WORDS, Words
from sojourn.rendering.formatting import Formats, formatting_locale
from sojourn.rendering.words import clean
from sojourn.settings import Settings

MOST_PARTS, MOST_REASONS = 25, 6
"""Lines of journeys and of reasons; mailboxes cut off what is longer than about 100,000 bytes."""
HEADERS = {"Auto-Submitted": "auto-generated"}
_HERE = Path(__file__).parent


@dataclass(frozen=True)
class Line:
    """A line of a table, as it is written.

    Args:
        name: of a journey, a campaign or a reason.
        number: of messages.
        share: the length of its bar, 0 to 100.
        about: further figures; may be empty.
    """

    name: str
    number: str
    share: int
    about: tuple[str, ...] = ()


@dataclass(frozen=True)
class Card:
    """A figure of the whole week.

    Args:
        name: its name.
        number: as it is written.
        before: that of the week before, in words.
    """

    name: str
    number: str
    before: str


class Mail:
    """Writes weekly reports.

    Args:
        settings: of the installation: the shop's name, its time zone and habits.
        lang: the language, one of `reporting.languages.LANGUAGES`.
    """

    def __init__(self, settings: Settings, lang: str) -> None:
        self._shop = clean(settings.shop_name)
        self._zone = settings.timezone
        self._lang = lang
        self._words = WORDS[lang]
        self._formats = Formats(formatting_locale(lang, [settings.locale]), settings.timezone)

    def content(self, weekly: Weekly) -> Content:
        """Write a report.

        Args:
            weekly: its figures.

        Returns:
            The e-mail.
        """
        words, whole = self._words, weekly.report.whole
        days = self._days(weekly.first, weekly.last)
        given = {
            "lang": self._lang,
            "words": words,
            "shop": self._shop,
            "days": days,
            "cards": list(self._cards(weekly)) if weekly.report.parts else [],
            "parts": list(self._parts(weekly)),
            "reasons": list(self._reasons(whole)),
            "boxes": list(self._boxes(weekly)),
            "counting": words.counting.format(
                zone=self._zone, command=f"sojourn report --since {weekly.first}"
            ),
        }
        return Content(
            Channel.EMAIL,
            template="weekly-report",
            locale=self._lang,
            subject=words.subject.format(shop=self._shop, days=days),
            html=_TEMPLATES.get_template("mail.html").render(given),
            text=_TEMPLATES.get_template("mail.txt").render(given),
            headers=dict(HEADERS),
        )

    def test(self, weekly: Weekly) -> Content:
        """Write a report whose subject says that it is a test."""
        content = self.content(weekly)
        return replace(content, subject=self._words.test.format(subject=content.subject))

    def _cards(self, weekly: Weekly) -> Iterator[Card]:
        words, now, before = self._words, weekly.report.whole, weekly.before.whole
        for name, measure in (
            (words.sent, "sent"),
            (words.clicked, "clicked"),
            (words.converted, "converted"),
            (words.not_sent, "not_sent"),
        ):
            yield self._card(
                name,
                self._number(getattr(now.counts, measure)),
                self._number(getattr(before.counts, measure)),
            )
        had = {one.currency: one.amount for one in before.money}
        for one in now.money:
            if one.currency or one.value:
                yield self._card(
                    self._revenue(words, one),
                    self._amount(one.amount, one.currency),
                    self._amount(had.get(one.currency, Decimal(0)), one.currency),
                )

    def _card(self, name: str, number: str, before: str) -> Card:
        return Card(name, number, self._words.before.format(number=before))

    def _parts(self, weekly: Weekly) -> Iterator[Line]:
        """Yield the journeys and campaigns, those that sent most first."""
        parts = sorted(weekly.report.parts, key=_order)
        shown = [one.whole for one in parts[:MOST_PARTS]]
        if rest := parts[MOST_PARTS:]:
            shown.append(together(self._words.others, (one.whole for one in rest)))
        most = max((one.counts.sent for one in shown), default=0)
        for one in shown:
            yield self._line(one.name, one.counts.sent, most, tuple(self._about(one)))

    def _about(self, one: Group) -> Iterator[str]:
        words, counts = self._words, one.counts
        yield f"{words.clicked}: {self._number(counts.clicked)}"
        yield f"{words.converted}: {self._number(counts.converted)}"
        for money in one.money:
            if money.currency or money.value:
                amount = self._amount(money.amount, money.currency)
                yield f"{self._revenue(words, money)}: {amount}"
        if counts.not_sent:
            yield f"{words.not_sent}: {self._number(counts.not_sent)}"

    def _reasons(self, whole: Group) -> Iterator[Line]:
        found = whole.whys
        shown = [(reasons.named(name, self._lang), number) for name, number in found[:MOST_REASONS]]
        if rest := sum(number for _, number in found[MOST_REASONS:]):
            shown.append((self._words.others, rest))
        most = max((number for _, number in shown), default=0)
        for name, number in shown:
            yield self._line(name, number, most)

    def _boxes(self, weekly: Weekly) -> Iterator[Line]:
        for box in judged(weekly.report.mailboxes):
            shares = {"bounced": box.bounced, "complained": box.complained}
            about = tuple(
                getattr(self._words, name).format(share=self._percent(share.point))
                for name, share in shares.items()
                if share is not None and name in (box.over or ())
            )
            if about:
                yield Line(clean(box.group.name), self._number(box.group.counts.sent), 0, about)

    def _line(self, name: str, number: int, most: int, about: tuple[str, ...] = ()) -> Line:
        share = max(round(100 * number / most), 1) if number > 0 else 0
        return Line(clean(name), self._number(number), share, about)

    def _days(self, first: date, last: date) -> str:
        return format_interval(first, last, "yMMMd", locale=self._formats.locale)

    def _number(self, value: int) -> str:
        return format_decimal(value, locale=self._formats.locale)

    def _percent(self, share: float) -> str:
        return self._formats.percent(Decimal(str(round(share, 4))))

    def _amount(self, value: Decimal, currency: str) -> str:
        return self._formats.money(value, clean(currency) or None)

    def _revenue(self, words: Words, money: Money) -> str:
        if not money.currency:
            return words.revenue_without
        return words.revenue.format(currency=clean(money.currency))


def _order(part: Part) -> tuple[int, str]:
    return -part.whole.counts.sent, part.name


_TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(_HERE),
    autoescape=jinja2.select_autoescape(["html"]),
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
