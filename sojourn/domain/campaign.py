"""`Campaign`: one message to an audience, and those of a project by their names."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

from sojourn.domain.ab import ABTest
from sojourn.domain.audience import Audience
from sojourn.domain.brakes import Brakes
from sojourn.domain.errors import BadInput, SameName, UnknownName
from sojourn.domain.events import Event
from sojourn.domain.facts import written
from sojourn.domain.feed import Feed
from sojourn.domain.limits import AtMost
from sojourn.domain.list_name import LONGEST, is_list_name
from sojourn.domain.measuring.attribution import WINDOW
from sojourn.domain.message import Message
from sojourn.domain.places import place_of
from sojourn.domain.recurring import Recurring, day_at
from sojourn.domain.sending_time import SendingTime, at_once

STEP = "message"
"""The step of a campaign's message that names none: ``templates/NAME/message.email.en.html``."""
KINDS = ("code", "words", "audience", "times")
"""The parts of a campaign that an approval is bound to, in the order of its digest."""
LONG_AGO = datetime(1, 1, 3, tzinfo=UTC)
"""Before every launch."""
OCCASION = "@"
"""Between the name of a campaign and its occasion: ``newsletter@2026-12-01``."""


@dataclass(frozen=True)
class Campaign:
    """One message to everybody in an audience.

    ::

        SPRING = Campaign(
            "spring-offer",
            to=WINDOW_SHOPPERS,
            message=Message(EMAIL, useful_for=days(2), topic="offers"),
            when=at_local("2026-03-20 10:00"),
            rate=50,
        )

    The audience is frozen when the campaign begins: customers who come into it later get nothing.
    Just before each message leaves, the gate asks the same questions as for a journey's message.

    Args:
        name: in small letters, digits and hyphens; its templates are in ``templates/NAME/``.
        to: the audience.
        message: what is said, by which channel, and how long it is of use after it is due.
        when: at once, at a moment, at a local time, or each day, week or month.
        rate: messages a second, at most; None: as fast as the channel takes them.
        goal: events after the freeze that make the message superfluous: a customer who has bought
            gets no offer.
        given: values for the template, as ``given.code``; nothing personal.
        articles: the feed whose new articles it tells of, as ``articles`` for the template. With
            nothing new, nobody gets a message.
        seeds: addresses that get a copy of each launch and are not counted: they show how it
            arrives. E-mail addresses, numbers as ``+393201234567``, or ``push:TOKEN``.
        brakes: the shares of bounces and complaints at which it stops itself; None: it never does.
        ab: variants of the message, tried on a share of the audience; the rest gets the winner.
        about: what it is, in a sentence, for people.
        conversion_window: how long after the message reports credit it with a goal.

    Raises:
        TypeError: an argument makes no sense; one line names it.
    """

    name: str
    to: Audience
    message: Message
    when: SendingTime | Recurring = field(default_factory=at_once)
    rate: float | None = None
    goal: type[Event] | tuple[type[Event], ...] = ()
    given: Mapping[str, Any] = field(default_factory=dict)
    seeds: tuple[str, ...] = ()
    brakes: Brakes | None = field(default_factory=Brakes)
    ab: ABTest | None = None
    about: str = ""
    articles: Feed | None = None
    conversion_window: timedelta = WINDOW

    def __post_init__(self) -> None:
        """Check what was given."""
        if not isinstance(self.name, str) or not is_list_name(self.name):
            raise TypeError(
                f"Campaign({self.name!r}): its name has small letters, digits and hyphens, and at "
                f"most {LONGEST} of them"
            )
        whose = f'Campaign("{self.name}")'
        if not isinstance(self.to, Audience):
            raise TypeError(f"{whose}: to= takes an audience, and {self.to!r} is none")
        if not isinstance(self.message, Message):
            raise TypeError(f"{whose}: message= takes a Message, and {self.message!r} is none")
        if not isinstance(self.when, SendingTime | Recurring):
            raise TypeError(
                f"{whose}: when= takes at_once(), at(...), at_local(...), daily(...), weekly(...) "
                "or monthly(...)"
            )
        if self.rate is not None and not self.rate > 0:
            raise TypeError(f"{whose}: rate= is a number of messages a second: rate=50")
        if self.brakes is not None and not isinstance(self.brakes, Brakes):
            raise TypeError(f"{whose}: brakes= takes Brakes(...), or None: it never stops itself")
        if not self.message.topic:
            raise TypeError(
                f'{whose}: its message has no topic, so nobody could say no to it: topic="offers"'
            )
        if not isinstance(self.goal, tuple):
            object.__setattr__(self, "goal", (self.goal,))
        if not all(isinstance(one, type) and issubclass(one, Event) for one in self.goals):
            raise TypeError(f"{whose}: goal= takes classes of events")
        self._check_articles(whose)
        self._check_seeds(whose)
        self._check_ab(whose)

    def _check_articles(self, whose: str) -> None:
        if self.articles is not None and not isinstance(self.articles, Feed):
            raise TypeError(f'{whose}: articles= takes a feed: Feed("https://shop.example/feed")')

    def _check_seeds(self, whose: str) -> None:
        if not isinstance(self.seeds, tuple) or not all(isinstance(o, str) for o in self.seeds):
            raise TypeError(f'{whose}: seeds= takes addresses: seeds=("qa@shop.example",)')
        try:
            for seed in self.seeds:
                place_of(seed, self.message.channels)
        except BadInput as error:
            raise TypeError(f"{whose}: seeds= {error}") from None

    def _check_ab(self, whose: str) -> None:
        if self.ab is None:
            return
        if not isinstance(self.ab, ABTest):
            raise TypeError(f"{whose}: ab= takes an ABTest, and {self.ab!r} is none")
        if self.message.template:
            raise TypeError(
                f"{whose}: the variants of ab= name their templates: leave template= of its "
                "message out"
            )
        if self.ab.after > self.message.useful_for:
            raise TypeError(
                f"{whose}: its message is useful_for={self.message.useful_for}, and ab= finds the "
                f"winner after={self.ab.after}: a shorter after=, or a longer useful_for="
            )
        if isinstance(self.when, Recurring) and self.ab.after >= self.when.least_apart:
            raise TypeError(
                f"{whose}: it is sent {self.when}, and ab= finds the winner "
                f"after={self.ab.after}: the next one would have begun"
            )

    @property
    def goals(self) -> tuple[type[Event], ...]:
        """The events that make the message superfluous."""
        return self.goal if isinstance(self.goal, tuple) else (self.goal,)

    def next_occasion(self, now: datetime) -> str:
        """Return the day of the next occurrence of a campaign that recurs, else an empty text.

        Args:
            now: the present moment; an occurrence that has begun anywhere is passed over.

        Returns:
            ``2026-12-07``
        """
        if not isinstance(self.when, Recurring):
            return ""
        ahead = self.when.days(day_at(now))
        return next(one for one in ahead if self.when.on(one).begins(LONG_AGO) > now).isoformat()

    @property
    def step(self) -> str:
        """The name of its message in the ledger."""
        return self.message.step or STEP

    @property
    def template(self) -> str:
        """The name of the template that says it; of several variants, that of the first one."""
        return self.templates[0]

    @property
    def templates(self) -> tuple[str, ...]:
        """The names of all templates that say it: one, or that of each variant."""
        if self.ab is not None:
            return tuple(self.ab.variants.values())
        return (self.message.template or self.step,)

    def told(self) -> dict[str, dict[str, Any]]:
        """Return all that it says as plain values, by their kind: an approval is bound to them."""
        said = {one.name: getattr(self.message, one.name) for one in fields(Message)
                if not one.name.startswith("_")}  # fmt: skip
        code: dict[str, Any] = {
            "name": self.name,
            "message": {name: _plain(value) for name, value in said.items()},
            "goal": [one.event_name for one in self.goals],
            "given": dict(self.given),
            "seeds": list(self.seeds),
        }
        if self.brakes != Brakes():
            # the usual ones are left out, so that approvals from before there were any still hold
            code["brakes"] = str(self.brakes)
        if self.ab is not None:
            code["ab"] = self.ab.told()
        if self.articles is not None:
            code["articles"] = self.articles.told()
        return {
            "code": code,
            "audience": {"name": self.to.name, "who": written(self.to.who)},
            "times": {"when": str(self.when), "rate": self.rate},
        }

    def digest(self, words: Iterable[tuple[str, bytes]] = ()) -> str:
        """Return a text that tells this campaign from one that differs in anything.

        It has a part for each of `KINDS`, so that `changed` can say what differs.

        Args:
            words: its templates, by name.
        """
        told = self.told()
        parts = {
            kind: hashlib.sha256(json.dumps(each, sort_keys=True, default=str).encode())
            for kind, each in told.items()
        }
        parts["words"] = hashlib.sha256()
        for name, content in sorted(words):
            parts["words"].update(f"\0{name}\0{len(content)}\0".encode() + content)
        return "-".join(parts[kind].hexdigest()[:8] for kind in KINDS)


def changed(before: str, after: str) -> list[str]:
    """Return the kinds in which two digests of a campaign differ: ``["words"]``.

    Args:
        before: a digest, or any text.
        after: another digest.

    Returns:
        The kinds; all of them if one of the texts is not a digest.
    """
    parts, others = before.split("-"), after.split("-")
    if not len(parts) == len(others) == len(KINDS):
        return list(KINDS)
    return [kind for kind, a, b in zip(KINDS, parts, others, strict=True) if a != b]


def name_of(campaign_id: str) -> str:
    """Return the name of a campaign from its id, without the occasion."""
    return campaign_id.partition(OCCASION)[0]


class Campaigns(Mapping[str, Campaign]):
    """The campaigns of a project by their names; nothing can be added to them.

    Args:
        campaigns: in any order.
        journeys: names that are taken: templates and switches know both by one name.

    Raises:
        SameName: two of them have one name, or a journey has it.
    """

    def __init__(
        self, campaigns: Iterable[Campaign] = (), journeys: Mapping[str, object] | None = None
    ) -> None:
        found: dict[str, Campaign] = {}
        for one in campaigns:
            if one.name in (journeys or {}):
                raise SameName("journeys and campaign", one.name, (journeys or {})[one.name], one)
            if found.setdefault(one.name, one) is not one:
                raise SameName("campaign", one.name, found[one.name].to, one.to)
        self._campaigns = MappingProxyType(dict(sorted(found.items())))

    def __getitem__(self, name: str) -> Campaign:
        return self._campaigns[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._campaigns)

    def __len__(self) -> int:
        return len(self._campaigns)

    def named(self, name: str) -> Campaign:
        """Return the campaign of a name.

        Raises:
            UnknownName: there is none; the message offers the nearest.
        """
        if name not in self._campaigns:
            hint = "" if self._campaigns else "a project has its campaigns in starter/campaigns/"
            raise UnknownName("campaign", name, self._campaigns, hint=hint)
        return self._campaigns[name]


def _plain(value: Any) -> Any:
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, tuple):
        return [str(one) for one in value]
    if isinstance(value, AtMost):
        return str(value)
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)
