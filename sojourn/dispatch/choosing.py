"""Taking in a customer's choices: consent, a break, "less often", language and zone at once.

One transaction under the customer's lock holds all of it: once it is committed, no later claim can
miss a word of it. A yes does not count against a no that came after its form was shown.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import uuid4

from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.dispatch.client import Sojourn
from sojourn.domain.consent import Consents, Evidence, Statement
from sojourn.domain.consent_words import since
from sojourn.domain.consent_words import standing as what_stands
from sojourn.domain.customer import Customer, Identity, home_zone
from sojourn.domain.messages import Channel, Reason
from sojourn.domain.preferences import (
    Choices,
    Form,
    Kind,
    choices_of,
    corrections,
    offered_channels,
    statements,
)
from sojourn.domain.topics import Topic
from sojourn.store import cards, choices, consents, holds, people, refusals, runs, zones
from sojourn.store.tables import ConsentRow, CustomerRow, EventRow


@dataclass(frozen=True)
class Origin:
    """The door by which choices come in.

    Args:
        source: the link by which the customer came.
        proof: where that can be proved.
        locale: the language of the page.
        version: of the page's words.
        wording: what the page calls the thing that a statement is about.
    """

    source: str
    proof: str
    locale: str
    version: str
    wording: Callable[[Statement], str]


@dataclass(frozen=True)
class Standing:
    """All that holds for a customer.

    Args:
        customer: the card.
        choices: as the page shows them.
        channels: that concern the customer.
        at: nothing was said after this moment.
    """

    customer: Customer
    choices: Choices
    channels: tuple[Channel, ...]
    at: datetime


@dataclass(frozen=True)
class Chosen:
    """The result of a form.

    Args:
        before: what held before it.
        after: what holds now.
        refused: the refusals that it brought.
        overtaken: a yes of it does not count: a no came after the form was shown.
        at: when it was stored.
    """

    before: Choices
    after: Standing
    refused: tuple[Statement, ...]
    overtaken: bool
    at: datetime


async def standing(
    session: AsyncSession, customer_id: str, topics: Sequence[Topic]
) -> Standing | None:
    """Return what holds for a customer, as the store has it.

    Args:
        session: any session.
        customer_id: any id of the customer.
        topics: that the page offers.

    Returns:
        The standing; None if nothing is held under this id, or the customer is erased.
    """
    customer = await cards.find(session, customer_id)
    if customer is None or customer.erased:
        return None
    return await _standing(session, customer, topics, datetime.now(UTC))


async def choose(
    sojourn: Sojourn, form: Form, want: Choices, topics: Sequence[Topic], origin: Origin
) -> Chosen | None:
    """Take in what a form says. It counts from this function's return on.

    Args:
        sojourn: stores it, and tells the runs that it concerns.
        form: what it was made of.
        want: what it says.
        topics: that it offered.
        origin: where it comes from.

    Returns:
        The result; None if the customer is erased.
    """
    async with sojourn.store.transaction() as session:
        person = await people.lock(session, form.customer_id)
        if person.erased_at is not None:
            return None
        taking = _Taking(session, person, form=form, want=want, topics=topics, origin=origin)
        chosen, news = await taking.take(sojourn.settings.timezone)
    if news:
        sojourn.tell_soon(news[0].customer_id)
    return chosen


class _Taking:
    """One form, within its transaction."""

    def __init__(
        self,
        session: AsyncSession,
        person: CustomerRow,
        *,
        form: Form,
        want: Choices,
        topics: Sequence[Topic],
        origin: Origin,
    ) -> None:
        self._session, self._person, self._origin = session, person, origin
        self._form, self._was, self._want, self._topics = form, form.was, want, topics
        self._now = datetime.now(UTC)
        self._overtaken = False
        self._said: list[Statement] = []

    async def take(self, default_zone: str) -> tuple[Chosen, Sequence[EventRow]]:
        customer = cards.card(self._person)
        before = await _standing(self._session, customer, self._topics, self._now)
        await self._consent(customer)
        await self._beside_consent()
        self._session.add(self._person)
        await self._session.flush()  # the row is read again
        await self._card()
        news = await self._news(home_zone(customer, default_zone), default_zone)
        self._session.add(self._person)
        await self._session.flush()
        after = await _standing(
            self._session, cards.card(self._person), self._topics, datetime.now(UTC)
        )
        refused = tuple(one for one in self._said if not one.granted)
        return Chosen(before.choices, after, refused, self._overtaken, self._now), news

    async def _consent(self, customer: Customer) -> None:
        addresses = {one: customer.addresses(one) for one in customer.reachable}
        pairs = [(one, address) for one, each in addresses.items() for address in each]
        await refusals.hold(self._session, pairs)
        before = await consents.words(self._session, self._person.customer_id)
        stands = what_stands(before, self._now)
        channels = offered_channels(customer, stands)
        for word in statements(self._was, self._want, stands, channels, self._topics):
            await self._say(word, before, addresses)
        if not self._said:
            return
        now = await consents.current(self._session, self._person.customer_id)
        for word in corrections(
            self._was,
            self._want,
            before=stands,
            now=now,
            channels=channels,
            topics=self._topics,
        ):
            await self._say(word, before, addresses)

    async def _say(
        self,
        word: Statement,
        before: Sequence[ConsentRow],
        addresses: Mapping[Channel, Sequence[str]],
    ) -> None:
        if word.granted and _refused_since(word, before, self._form.at):
            self._overtaken = True
            return
        origin = self._origin
        await consents.record(
            self._session,
            self._person,
            word.channel,
            granted=word.granted,
            source=origin.source,
            topic=word.topic,
            evidence=Evidence(
                wording=origin.wording(word),
                wording_version=origin.version,
                locale=origin.locale,
                proof=origin.proof,
            ),
        )
        self._said.append(word)
        concerned = addresses if word.channel is None else {word.channel} & addresses.keys()
        for channel, address in [(c, one) for c in concerned for one in addresses[c]]:
            if not word.granted:
                await refusals.add(
                    self._session,
                    channel,
                    address,
                    topic=word.topic,
                    at=self._now,
                    source=origin.source,
                )
            elif word.channel is not None:
                await refusals.lift(self._session, channel, address, word.topic)

    async def _beside_consent(self) -> None:
        """Keep the break and the distances that the form changes."""
        was, want = self._was, self._want
        if want.snoozed_until != was.snoozed_until:
            held = self._person.snoozed_until
            choices.snooze(self._person, want.snoozed_until)
            await self._note(Kind.BREAK, _moment(held), _moment(want.snoozed_until))
        for topic in sorted(was.least_days.keys() | want.least_days.keys()):
            days = want.least_days.get(topic, 0)
            if days != was.least_days.get(topic, 0):
                held_days = (self._person.least_days or {}).get(topic, 0)
                choices.keep_apart(self._person, topic, days)
                await self._note(Kind.OFTEN, str(held_days), str(days), topic)

    async def _card(self) -> None:
        """Say the language and the zone that the form changes, as an identify call does."""
        changed = {
            kind: (getattr(self._person, kind.value), getattr(self._want, kind.value))
            for kind in (Kind.LOCALE, Kind.TIMEZONE)
            if getattr(self._was, kind.value) != getattr(self._want, kind.value)
        }
        if not changed:
            return
        identity = Identity(
            customer_id=self._person.customer_id,
            message_id=f"preferences:{uuid4()}",
            at=self._now,
            card={kind.value: became for kind, (_, became) in changed.items()},
            attributes={},
            consents={},
        )
        await cards.hear(self._session, identity, now=self._now)
        for kind, (was, became) in changed.items():
            await self._note(kind, was, became)

    async def _note(self, what: Kind, was: str, became: str, topic: str = "") -> None:
        await choices.note(
            self._session,
            self._person,
            what,
            was=was,
            became=became,
            at=self._now,
            source=self._origin.source,
            topic=topic,
            locale=self._origin.locale,
            version=self._origin.version,
        )

    async def _news(self, former_zone: str, default_zone: str) -> Sequence[EventRow]:
        """Make runs ask or plan again, where a choice gives them reason to."""
        because = f"preferences {self._now.isoformat()}"
        customer_id = self._person.customer_id
        cured = []
        if any(word.granted for word in self._said):
            cured.append(Reason.NO_CONSENT)
        if self._want.snoozed_until != self._was.snoozed_until:
            cured.append(Reason.SNOOZED)
        if self._want.least_days != self._was.least_days:
            cured += [Reason.CAP, Reason.GAVE_WAY]
        news: list[EventRow] = []
        if cured:
            news += await holds.end(
                self._session, customer_id, because=because, at=self._now, cured=cured
            )
        zone = home_zone(cards.card(self._person), default_zone)
        if zone != former_zone:
            open_runs = await runs.maybe_open(self._session, customer_id)
            news += await zones.changed(
                self._session, open_runs, zone, because=because, at=self._now
            )
        return news


async def _standing(
    session: AsyncSession, customer: Customer, topics: Sequence[Topic], now: datetime
) -> Standing:
    said = await consents.words(session, customer.customer_id)
    stands: Consents = what_stands(said, now)
    return Standing(
        customer=customer,
        choices=choices_of(customer, stands, topics, now),
        channels=offered_channels(customer, stands),
        # by another machine's clock, a word may count from a moment ahead of ours
        at=max([now, *(since(row) for row in said)]),
    )


def _refused_since(word: Statement, before: Sequence[ConsentRow], at: datetime) -> bool:
    """Tell whether a no that the customer had not seen stands against a yes."""
    channel = word.channel.value if word.channel else ""
    against = {(channel, word.topic), (channel, "")} if channel else {(channel, word.topic)}
    last = {
        (row.channel, row.topic): row
        for row in before
        if row.purpose is None and (row.channel, row.topic) in against
    }
    return any(not row.granted and since(row) > at for row in last.values())


def _moment(at: datetime | None) -> str:
    return at.isoformat() if at else ""
