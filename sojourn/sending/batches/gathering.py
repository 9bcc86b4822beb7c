"""Gather the facts of the verdicts on a batch, under its customers' locks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.calendar import zone
from sojourn.domain.campaign_run import CampaignState
from sojourn.domain.caps import Slot
from sojourn.domain.customer import home_zone
from sojourn.domain.facts import Finding, read_fact
from sojourn.domain.holdout import assign
from sojourn.domain.messages import Channel, Delivery
from sojourn.domain.room import LATE, Room
from sojourn.domain.rules import Rules
from sojourn.domain.switches import first
from sojourn.domain.verdict import Case, Circumstances
from sojourn.sending.gathering import Gathered, as_recipient
from sojourn.sending.grounds import Grounds
from sojourn.sending.ramping import waits_for_it
from sojourn.store import (
    campaigns,
    cards,
    consents,
    events,
    exposures,
    ledger,
    locks,
    people,
    recipients,
    refusals,
    slots,
    suppressions,
    switches,
)
from sojourn.store.dialects import is_postgresql
from sojourn.store.digests import digest
from sojourn.store.facts import one as facts_of_one
from sojourn.store.facts.all import holders
from sojourn.store.facts.clauses import CUSTOMERS
from sojourn.store.tables import CustomerRow

PLAIN = (Channel.EMAIL, Channel.SMS)
"""Channels for which a batch can answer all that the gate asks."""


@dataclass(frozen=True)
class Batch:
    """The facts about a batch.

    Args:
        gathered: the facts of each message, by its recipient's id; the others go singly.
        digests: of the address that each would go to; none where there is none.
        takers: the recipient whose message an address has got in this campaign, by its digest.
    """

    gathered: Mapping[str, Gathered]
    digests: Mapping[str, str]
    takers: Mapping[str, str]


def fits(delivery: Delivery) -> bool:
    """Tell whether a batch can decide on a message of this kind."""
    return bool(delivery.campaign) and len(delivery.channels) == 1 and delivery.lane in PLAIN


async def gather_many(
    session: AsyncSession,
    deliveries: Sequence[Delivery],
    now: datetime,
    grounds: Grounds,
    *,
    rules: Rules,
    holding: bool = True,
) -> Batch | None:
    """Gather the facts of the verdicts on messages of one campaign.

    Args:
        session: a writing transaction; a session that only reads if nothing is held.
        deliveries: of one campaign, to different recipients, alike except for their moments; a
            batch `fits` them.
        now: the present moment, by the campaign's clock.
        grounds: as `sending.gathering.gather` takes them.
        rules: likewise.
        holding: likewise. A look supposes that the campaign runs.

    Returns:
        None: the campaign is paused or over, and nothing is decided. Else the facts; a message is
        left out, and goes singly, if it was decided on before, if its customer is unknown or
        joined to another id, or has two numbers.
    """
    model = deliveries[0]
    channel = model.lane
    held_or_read = people.lock_plain if holding else people.read_plain
    rows = await held_or_read(session, [one.customer_id for one in deliveries])
    before = {
        row.message_id
        for row in await ledger.of_messages(session, [one.message_id for one in deliveries])
    }
    mine = {
        one.customer_id: one
        for one in deliveries
        if one.customer_id in rows
        and one.message_id not in before
        and not (channel is Channel.SMS and rows[one.customer_id].phone2)
    }
    persons = [rows[one] for one in mine]
    who = {person.customer_id: cards.card(person) for person in persons}
    news = await events.newer_of_many(
        session,
        list(mine),
        model.goals,
        than=model.start,
        known=grounds.events,
        within=grounds.clock_skew,
    )
    pairs = [(channel, one) for card in who.values() for one in card.addresses(channel)]
    if holding:
        # words and switches that come from here on are acknowledged after this transaction ends
        await locks.share(session, [switches.LOCK, *refusals.lock_keys(pairs)])
    held = await switches.holds(session)
    switch = first(held.switches, journey=model.journey, topics=[model.topic])
    if holding:
        state, _ = await campaigns.standing(session, model.campaign)
        if state is not CampaignState.RUNNING:
            return None
    template = Case(
        delivery=model,
        now=now,
        timezone=grounds.default_zone,
        templates=model.channels,
        rules=rules,
        switched_off=model.journey in grounds.off,
        needs_own_yes=grounds.topics.needs_own_yes(model.topic),
        held_for=None if switch is None else datetime.now(UTC) - switch.since,
    )
    dead = await suppressions.suppressed(session, pairs)
    barred = {pair for pair in pairs if not grounds.may_write_to(*pair)}
    agreed = await consents.of_many(session, persons, channel, now=now)
    gone = await ledger.gone_to(session, model.workflow_id, list(mine))
    cases = {
        one: replace(
            template,
            delivery=delivery,
            timezone=home_zone(who[one], grounds.default_zone),
            news=news.get(one, ()),
        )
        for one, delivery in mine.items()
    }
    rooms = await _rooms(session, cases, rows)
    fails = await _fails(session, model, persons, now)
    asked = grounds.holdouts.asked(model)
    had = await exposures.oldest(session, list(who), asked) if asked else {}
    allowance = None
    ramp = grounds.ramp if holding else None
    if ramp is not None and waits_for_it(model) and channel is Channel.EMAIL:
        allowance = await ramp.allowance(session, hold=True)
    usable: dict[str, tuple[str, ...]] = {}
    digests: dict[str, str] = {}
    for one, card in who.items():
        usable[one] = tuple(
            address
            for address in card.addresses(channel)
            if (channel, address) not in dead and (channel, address) not in barred
        )
        if usable[one]:
            digests[one] = await digest(session, channel, usable[one][0])
    found: dict[str, Gathered] = {}
    for one, open_case in cases.items():
        case = replace(
            open_case,
            circumstances=Circumstances(
                recipient=as_recipient(
                    who[one], agreed[one], open_case.timezone, dead=dead, barred=barred
                ),
                paused={paused: datetime.now(UTC) - at for paused, at in held.channels.items()},
                already_told=bool(gone.get(one)),
                room=rooms.get(one),
                condition=fails.get(one),
                allowance=allowance,
                assigned=assign(asked, had.get(who[one].customer_id, {}), who[one].customer_id),
            ),
        )
        found[one] = Gathered(case, who[one], (), {channel: usable[one]})
    takers = await recipients.takers(session, model.campaign, list(digests.values()))
    return Batch(found, digests, takers)


async def _fails(
    session: AsyncSession, delivery: Delivery, persons: Sequence[CustomerRow], now: datetime
) -> dict[str, Finding]:
    """Return the customers that fail the fact that must still hold, and why."""
    if not delivery.still:
        return {}
    fact = read_fact(delivery.still)
    query = holders(fact, now, postgresql=is_postgresql(session))
    query = query.where(CUSTOMERS.c.customer_id.in_([one.customer_id for one in persons]))
    connection = await session.connection()
    passing = set((await connection.execute(query)).scalars())
    return {
        one.customer_id: await facts_of_one.judged(session, one, fact, now)
        for one in persons
        if one.customer_id not in passing
    }


async def _rooms(
    session: AsyncSession, cases: Mapping[str, Case], rows: Mapping[str, CustomerRow]
) -> dict[str, Room]:
    """Count what caps count, in one statement; none where no cap concerns a message."""
    rooms: dict[str, Room] = {}
    since: dict[str, datetime] = {}
    for one, case in cases.items():
        least_days = (rows[one].least_days or {}).get(case.delivery.topic, 0)
        room = Room.of(case.delivery, case.rules, case.now, least_days=least_days)
        if room is not None:
            rooms[one], since[one] = room, room.since(zone(case.timezone))
    if not rooms:
        return rooms
    now = next(iter(cases.values())).now
    counted = await slots.of_customers(
        session, list(rooms), since=min(since.values()), held_since=now - LATE
    )
    return {
        one: replace(room, slots=_other_slots(counted.get(one, ()), cases[one], since[one]))
        for one, room in rooms.items()
    }


def _other_slots(counted: Sequence[Slot], case: Case, since: datetime) -> tuple[Slot, ...]:
    own = case.delivery.message_id
    return tuple(
        slot for slot in counted if slot.message_id != own and (slot.held or slot.at >= since)
    )
