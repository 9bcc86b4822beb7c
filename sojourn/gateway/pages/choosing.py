"""The form of the preference page: what it shows, and what a customer has filled in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from babel import Locale, UnknownLocaleError

from sojourn.dispatch.choosing import Standing
from sojourn.domain.calendar import zone
from sojourn.domain.customer import home_zone
from sojourn.domain.errors import UnknownZone
from sojourn.domain.locales import region
from sojourn.domain.messages import Channel
from sojourn.domain.preferences import Choices
from sojourn.domain.snooze import LENGTHS, snoozed_until
from sojourn.domain.topics import Topic
from sojourn.gateway.http.faults import Refusal
from sojourn.gateway.pages.zones import zones_in
from sojourn.rendering.formatting import Formats, formatting_locale
from sojourn.rendering.languages import fallbacks, language

KEEP, END = "keep", "end"
"""Choices for a break: leave it as it is; have none, or end it now."""
ON = "on"
"""The value of a box that is ticked."""


@dataclass(frozen=True)
class Fields:
    """The parts of the page that are the same for all customers.

    Args:
        topics: the topics that customers may choose.
        needed: the topics that always come.
        languages: the languages that the project declares.
        default_zone: the time zone for customers whose own is unknown.
    """

    topics: tuple[Topic, ...]
    needed: tuple[Topic, ...]
    languages: tuple[str, ...]
    default_zone: str

    def shown(
        self, standing: Standing, suppressed: frozenset[Channel], lang: str
    ) -> dict[str, Any]:
        """Return what a template shows about a customer, without name and addresses.

        Args:
            standing: the customer's current choices.
            suppressed: channels whose addresses get nothing any more.
            lang: the language of the page.

        Returns:
            The template's variables.
        """
        choices, customer = standing.choices, standing.customer
        tz = home_zone(customer, self.default_zone)
        formats = Formats(formatting_locale(lang, (customer.locale,)), tz)
        until = choices.snoozed_until
        return {
            "choices": choices,
            "topics": [_topic(topic, standing) for topic in self.topics],
            "needed": [topic.id for topic in self.needed],
            "channels": [
                {
                    "id": one.value,
                    "on": one in choices.channels,
                    "suppressed": one in suppressed,
                    "missing": one not in customer.reachable,
                }
                for one in standing.channels
            ],
            "restricted": customer.restricted,
            "until": formats.date(until) if until else "",
            "lengths": LENGTHS,
            "languages": self._languages(choices.locale),
            "zones": _zones(choices.timezone, lang),
        }

    def wanted(self, was: Choices, form: Mapping[str, str], tz: str, now: datetime) -> Choices:
        """Read the fields of a form.

        Args:
            was: the choices that the form showed.
            form: its fields.
            tz: the customer's time zone.
            now: the present moment, at which a break begins.

        Returns:
            The choices that the customer wants. A field that is missing from the form stays as it
            was, except a box: browsers do not send boxes that are not ticked.

        Raises:
            Refusal: a field has a value that the page does not offer.
        """
        topics = {one.id: one for one in self.topics}
        channels = frozenset(one for one in Channel if f"channel.{one}" in form)
        # switching a channel off clears its boxes, which may still be ticked
        off = was.channels - channels
        return Choices(
            channels=channels,
            topics=frozenset(name for name in topics if f"topic.{name}" in form),
            apart={
                (channel, topic): f"by.{topic}.{channel}" in form and channel not in off
                for channel, topic in was.apart
            },
            least_days=_least_days(was, form, topics),
            snoozed_until=_break(was, form, tz, now),
            locale=self._locale(was, form),
            timezone=_zone(was, form),
        )

    def _languages(self, locale: str) -> list[dict[str, Any]]:
        """Return the languages to choose from, each with its name in itself."""
        chosen = self._language_of(locale)
        offered = dict.fromkeys((*self.languages, *filter(None, [chosen])))
        return [{"id": tag, "name": _own_name(tag), "on": tag == chosen} for tag in offered]

    def _language_of(self, locale: str) -> str:
        """Return the project's language for a locale; the locale's own if the project lacks it."""
        tags = fallbacks([locale])
        return next((tag for tag in tags if tag in self.languages), tags[-1] if tags else "")

    def _locale(self, was: Choices, form: Mapping[str, str]) -> str:
        """Return the locale of the language that was chosen; the region stays as it was."""
        chosen = form.get("language", "")
        before = self._language_of(was.locale)
        if "language" not in form or chosen == before:
            return was.locale
        if chosen and chosen not in self.languages:
            raise Refusal(400, "language", "is none that the page offers")
        country = region(was.locale) if chosen and chosen == language(chosen) else ""
        return f"{chosen}-{country}" if country else chosen


def without_all(was: Choices) -> Choices:
    """Return the choices of a customer who stops all promotional messages."""
    return replace(was, channels=frozenset(), apart=dict.fromkeys(was.apart, False))


def with_needed(listed: Sequence[Topic]) -> tuple[tuple[Topic, ...], tuple[Topic, ...]]:
    """Return the topics that customers may choose, and those that always come."""
    return (
        tuple(one for one in listed if one.can_be_refused),
        tuple(one for one in listed if not one.can_be_refused),
    )


def _topic(topic: Topic, standing: Standing) -> dict[str, Any]:
    choices = standing.choices
    days = choices.least_days.get(topic.id, 0)
    offered = {cadence.days for cadence in topic.cadence}
    cells = [one for one in standing.channels if (one, topic.id) in choices.apart]
    return {
        "id": topic.id,
        "on": topic.id in choices.topics,
        "often": sorted({0, days} | offered) if offered or days else [],
        "days": days,
        "by": [{"id": one.value, "on": choices.apart[one, topic.id]} for one in cells],
    }


def _least_days(
    was: Choices, form: Mapping[str, str], topics: Mapping[str, Topic]
) -> dict[str, int]:
    wanted = dict(was.least_days)
    for name, topic in topics.items():
        said = form.get(f"often.{name}")
        if said is None:
            continue
        offered = {0, was.least_days.get(name, 0), *(one.days for one in topic.cadence)}
        days = next((days for days in offered if str(days) == said), None)
        if days is None:
            raise Refusal(400, f"often.{name}", "is none that the page offers")
        wanted[name] = days
    return {name: days for name, days in wanted.items() if days}


def _break(was: Choices, form: Mapping[str, str], tz: str, now: datetime) -> datetime | None:
    said = form.get("break", KEEP)
    if said == KEEP:
        return was.snoozed_until
    if said == END:
        return None
    days = next((days for days in LENGTHS if str(days) == said), None)
    if days is None:
        raise Refusal(400, "break", "is none that the page offers")
    return snoozed_until(now, days, zone(tz))


def _zone(was: Choices, form: Mapping[str, str]) -> str:
    said = form.get("zone", was.timezone)
    if said in ("", was.timezone):
        return said
    try:
        return zone(said).key
    except UnknownZone:
        raise Refusal(400, "zone", "is none that the page offers") from None


def _zones(chosen: str, lang: str) -> list[tuple[str, str]]:
    known = list(zones_in(lang))
    return known if not chosen or chosen in dict(known) else [(chosen, chosen), *known]


def _own_name(tag: str) -> str:
    try:
        return Locale.parse(tag, sep="-").get_display_name() or tag
    except (UnknownLocaleError, ValueError):
        return tag
