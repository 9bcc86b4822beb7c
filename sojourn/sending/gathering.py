"""The gate's first part: gather the facts of the verdict, under the customer's lock.

A preview gathers the same facts and holds nothing.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.calendar import zone
from sojourn.domain.campaign_run import CampaignState
from sojourn.domain.consent import Consents
from sojourn.domain.countries import home_country
from sojourn.domain.coupons import Pools
from sojourn.domain.customer import Customer, home_zone
from sojourn.domain.fence import FENCE
from sojourn.domain.holdout import Assigned, Holdouts, assign
from sojourn.domain.keys import plain
from sojourn.domain.messages import Channel, Delivery, Reason
from sojourn.domain.policy import Recipient
from sojourn.domain.room import LATE, Room
from sojourn.domain.rules import Rules
from sojourn.domain.states import MessageState
from sojourn.domain.switches import first
from sojourn.domain.verdict import (
    Case,
    Circumstances,
    Entry,
    OnceMore,
    OpenAttempt,
    overtaken,
    settled,
    watch,
)
from sojourn.sending import couponing, opting
from sojourn.sending.grounds import Grounds
from sojourn.sending.ramping import Ramp, waits_for_it
from sojourn.store import (
    against,
    attempts,
    campaigns,
    card_addresses,
    cards,
    consents,
    devices,
    events,
    exposures,
    kin,
    ledger,
    locks,
    people,
    recipients,
    refusals,
    runs,
    shadow,
    slots,
    switches,
)
from sojourn.store.digests import digest
from sojourn.store.facts import one as facts_of_one
from sojourn.store.switches import Holds
from sojourn.store.tables import AttemptRow, CustomerRow, LedgerRow

_SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class Gathered:
    """The facts found in one transaction, which holds the customer and the message's rows.

    Args:
        case: the facts that the verdict depends on.
        customer: the person's card; after an alias call, its id is the one that holds everything.
        rows: the message's rows in the ledger, oldest first.
        usable: the addresses of each channel that messages may go to, the best first.
    """

    case: Case
    customer: Customer
    rows: Sequence[LedgerRow]
    usable: Mapping[Channel, tuple[str, ...]] = field(default_factory=dict)


async def gather(
    session: AsyncSession,
    delivery: Delivery,
    now: datetime,
    grounds: Grounds,
    *,
    rules: Rules,
    templates: Collection[Channel],
    once_more: OnceMore | None = None,
    holding: bool = True,
) -> Gathered:
    """Gather the facts of the verdict, and no more: an early answer spares later queries.

    Args:
        session: a writing transaction; a session that only reads if nothing is held.
        delivery: the message.
        now: the present moment, by the journey's clock.
        grounds: of the installation's decisions.
        rules: those of ``grounds``, read before the transaction.
        templates: the channels that have a template for the message.
        once_more: permission to hand over a message although it is in doubt.
        holding: hold what the verdict depends on until the transaction ends, so that no claim rests
            on outdated facts. False: look, and change and hold nothing.

    Returns:
        The case, and the rows that it was read from.
    """
    held_or_read = people.lock if holding else people.read
    person = await held_or_read(session, delivery.customer_id)
    customer = cards.card(person)
    rows, said_before = await ledger.of_message(session, delivery)
    delivery = _as_it_began(delivery, rows)
    case = Case(
        delivery=delivery,
        now=now,
        timezone=home_zone(customer, grounds.default_zone),
        entries=[entry(row) for row in rows],
        unresolved=await _unresolved(session, rows),
        once_more=once_more,
        templates=templates,
        rules=rules,
        switched_off=delivery.journey in grounds.off,
        needs_own_yes=grounds.topics.needs_own_yes(delivery.topic),
    )
    if settled(case):
        return Gathered(case, customer, rows)
    others = await _others(session, delivery, customer)
    found = await events.newer(
        session,
        customer.customer_id,
        watch(delivery),
        than=delivery.start,
        reach=delivery.reach,
        key=delivery.key,
        run=delivery.workflow_id,
        known=grounds.events,
        # a purchase counts even if nobody can read what was bought
        regardless=(*delivery.goals, *delivery.ends),
        others=others,
        within=grounds.clock_skew,
    )
    case = replace(case, news=found)
    if overtaken(case):
        return Gathered(case, customer, rows)
    if Channel.PUSH in delivery.channels:
        found_devices = await devices.of(session, customer.customer_id, customer.push_token)
        customer = replace(customer, devices=tuple(found_devices))
    if opting.asks(delivery):
        customer = _of_one_number(customer)
    addresses = [
        (channel, one) for channel in customer.reachable for one in customer.addresses(channel)
    ]
    usable: Mapping[Channel, tuple[str, ...]] = {}
    if holding:
        # words and switches that come from here on are acknowledged after this transaction ends
        await locks.share(session, [switches.LOCK, *refusals.lock_keys(addresses)])
    held = await switches.holds(session)
    case = replace(case, held_for=_held_for(delivery, held))
    if holding:  # a look supposes that the campaign runs: it may not be launched yet
        case = await _of_campaign(session, case)
    if case.held_for is None and not case.called_off:
        on_card = [(c, one) for c in Channel for one in card_addresses.addresses_of(person, c)]
        known = await against.addresses(session, [*addresses, *on_card])
        dead = {one for one in addresses if one in known.dead}
        barred = {pair for pair in addresses if not grounds.may_write_to(*pair)}
        dead |= await _not_instead(session, customer, dead | barred)
        usable = {
            channel: tuple(
                one
                for one in customer.addresses(channel)
                if (channel, one) not in dead and (channel, one) not in barred
            )
            for channel in customer.reachable
        }
        said = await consents.current(session, customer.customer_id, now=now, refused=known.refused)
        who = as_recipient(customer, said, case.timezone, dead=dead, barred=barred)
        instead_of = grounds.instead_of.get(delivery.journey, "")
        around = await _circumstances(
            session,
            case,
            person,
            others,
            who,
            held=held,
            instead_of=instead_of,
            said_before=said_before,
        )
        # a message in shadow reserves nothing and counts for nobody: it is looked at, as a preview
        claims = holding and not delivery.shadow
        pools = None if claims else grounds.coupons
        around = await _of_others(session, case, around, usable, pools)
        if (stays_if := grounds.condition(delivery)) is not None:
            said = around.recipient.consents
            finding = await facts_of_one.judged(
                session, person, stays_if, now, said=said, own=grounds.topics.own
            )
            around = replace(around, condition=finding)
        if opting.asks(delivery):
            around = await opting.judged(
                session, delivery, person, around, now, a_day=grounds.opt_ins_a_day, holding=claims
            )
        around = await _of_domain(session, delivery, around, grounds.ramp if claims else None)
        sides = await _sides(session, delivery, customer.customer_id, grounds.holdouts)
        around = replace(around, assigned=sides)
        case = replace(case, circumstances=around)
    return Gathered(case, customer, rows, usable)


async def _of_others(
    session: AsyncSession,
    case: Case,
    around: Circumstances,
    usable: Mapping[Channel, tuple[str, ...]],
    pools: Pools | None,
) -> Circumstances:
    """Look at what messages to other customers leave for this one: the address, and a code.

    A claim finds out when it reserves the code: it looks for none here, and ``pools`` is None.
    """
    if not around.already_told:
        elsewhere = await _goes_to_another(session, case.delivery, usable)
        around = replace(around, already_told=elsewhere)
    if pools is None or case.unresolved:  # a message that may be out has its code
        return around
    none = await couponing.why_none(session, case.delivery, pools, case.now, case.timezone)
    return replace(around, no_coupon=none)


async def _of_domain(
    session: AsyncSession, delivery: Delivery, around: Circumstances, ramp: Ramp | None
) -> Circumstances:
    """Look at what may still leave today from the domain of e-mails, and hold it."""
    if ramp is None or not waits_for_it(delivery):
        return around
    return replace(around, allowance=await ramp.allowance(session, hold=True))


async def _sides(
    session: AsyncSession, delivery: Delivery, customer_id: str, holdouts: Holdouts
) -> tuple[Assigned, ...]:
    """Return the sides that the customer is on, where some are held out."""
    if not (asked := holdouts.asked(delivery)):
        return ()
    had = await exposures.oldest(session, [customer_id], asked)
    return assign(asked, had.get(customer_id, {}), customer_id)


async def _of_campaign(session: AsyncSession, case: Case) -> Case:
    if not case.delivery.campaign:
        return case
    return of_campaign(case, *await campaigns.standing(session, case.delivery.campaign))


def of_campaign(case: Case, state: CampaignState, since: datetime) -> Case:
    """Return a case with what its campaign's state says: paused, or called off.

    Args:
        case: of a campaign's message.
        state: where the campaign stands.
        since: when it came to stand there.

    Returns:
        The case.
    """
    if state is CampaignState.PAUSED and case.held_for is None:
        return replace(case, held_for=datetime.now(UTC) - since)
    return replace(case, called_off=state.is_over)


def _of_one_number(customer: Customer) -> Customer:
    """Return a customer who has the first number alone: a request to confirm is about one."""
    return replace(customer, phone2="") if customer.phone else customer


async def _not_instead(
    session: AsyncSession, customer: Customer, lost: Collection[tuple[Channel, str]]
) -> set[tuple[Channel, str]]:
    """Return the second numbers that may not stand in for the first one.

    Where either number has refused a channel as a whole, mostly by a stop word, a message that may
    still leave to the first one (no promotional one may) goes to no other number.

    Args:
        session: any session.
        customer: the card.
        lost: the addresses that get nothing. If the first number is not among them, none is barred.

    Returns:
        The channels and numbers.
    """
    numbers = {
        channel: customer.addresses(channel)
        for channel in (Channel.SMS, Channel.WHATSAPP)
        if len(customer.addresses(channel)) > 1
    }
    pairs = [(c, one) for c, each in numbers.items() if (c, each[0]) in lost for one in each]
    if not pairs:
        return set()
    said = await refusals.against(session, pairs)
    refusing = {row.channel for row in said if not row.topic}
    return {(c, each[1]) for c, each in numbers.items() if c.value in refusing} & set(pairs)


def _as_it_began(delivery: Delivery, rows: Sequence[LedgerRow]) -> Delivery:
    """Return a message that is in shadow if its first decision was, whatever its run says now."""
    if not any(row.state is MessageState.SHADOW for row in rows):
        return delivery
    return delivery.model_copy(update={"shadow": True})


def entry(row: LedgerRow) -> Entry:
    """Return a row of the ledger as the verdict sees it."""
    assert row.id is not None
    return Entry(
        number=row.id,
        channel=Channel(row.channel),
        state=shadow.state_of(row),
        reason=Reason(row.reason) if row.reason else None,
        at=row.decided_at,
        attempt=row.attempt,
        possible_duplicate=row.possible_duplicate,
    )


def as_recipient(
    customer: Customer,
    agreed: Consents,
    timezone: str,
    *,
    dead: Collection[tuple[Channel, str]] = (),
    barred: Collection[tuple[Channel, str]] = (),
) -> Recipient:
    """Return a customer as the policy sees recipients, from what was looked up.

    Args:
        customer: the person's card, with the devices if the message may take them.
        agreed: what the customer agrees to and refuses.
        timezone: the customer's, an IANA name.
        dead: the suppressed ones of the customer's addresses.
        barred: those that this installation may not write to.

    Returns:
        The customer as a recipient of messages.
    """
    country, region = home_country(customer)
    suppressed, unwritten = frozenset[Channel](), frozenset[Channel]()
    if dead or barred:
        suppressed, unwritten = _lost(customer, dead, barred)
    return Recipient(
        known=customer.known,
        erased=customer.erased,
        restricted=customer.restricted,
        snoozed_until=customer.snoozed_until,
        in_care_until=customer.in_care_until,
        in_care_of=customer.in_care_of,
        reachable=customer.reachable,
        consents=agreed,
        tz=zone(timezone),
        suppressed=suppressed,
        country=country,
        region=region,
        barred=unwritten,
    )


def _lost(
    customer: Customer,
    dead: Collection[tuple[Channel, str]],
    barred: Collection[tuple[Channel, str]],
) -> tuple[frozenset[Channel], frozenset[Channel]]:
    """Return the channels that have dead addresses alone, and those with none to write to."""
    pairs = {
        channel: [(channel, one) for one in customer.addresses(channel)]
        for channel in customer.reachable
    }
    return (
        frozenset(c for c, each in pairs.items() if all(one in dead for one in each)),
        frozenset(
            channel
            for channel, each in pairs.items()
            if any(one in barred for one in each)
            and all(one in barred or one in dead for one in each)
        ),
    )


async def _unresolved(session: AsyncSession, rows: Sequence[LedgerRow]) -> Sequence[OpenAttempt]:
    """Return the attempts by which the message may be out.

    The row's state is not enough: it is the state of the last attempt. If that certainly did not
    send, the doubt about the attempt before it remains.
    """
    if not rows or not rows[-1].attempt or entry(rows[-1]).is_final:
        return ()
    assert rows[-1].id is not None
    return [
        OpenAttempt(row.provider, row.submitted_at, row.journey_at, _lasted(row), row.keyed)
        for row in await attempts.unresolved(session, rows[-1].id)
    ]


def _lasted(row: AttemptRow) -> timedelta:
    """Return how long an attempt may have handed its message over.

    One that told its own end, the kind of an error, hands nothing over after it. Others may live.
    """
    if row.error is None or row.settled_at is None:
        return FENCE
    whole_seconds = max(row.settled_at - row.submitted_at, timedelta(0)) // _SECOND
    return min(whole_seconds * _SECOND, FENCE)


async def _others(session: AsyncSession, delivery: Delivery, customer: Customer) -> list[str]:
    """Return the ids under which the same cart may have been filled or bought by the same person.

    Without a key nothing says that what another id did is about the same thing.
    """
    if not (delivery.key_field and delivery.key):
        return []
    return await kin.of(session, customer.customer_id, customer)


def _held_for(delivery: Delivery, held: Holds) -> timedelta | None:
    """Return how long an operator has held the message back; None if nobody does."""
    switch = first(held.switches, journey=delivery.journey, topics=[delivery.topic])
    return None if switch is None else datetime.now(UTC) - switch.since


async def _circumstances(
    session: AsyncSession,
    case: Case,
    person: CustomerRow,
    others: Sequence[str],
    who: Recipient,
    *,
    held: Holds,
    instead_of: str = "",
    said_before: bool = False,
) -> Circumstances:
    now = datetime.now(UTC)
    return Circumstances(
        recipient=who,
        paused={channel: now - since for channel, since in held.channels.items()},
        already_told=said_before or await _is_told(session, case.delivery, person, others),
        room=await _room(session, case, person, instead_of),
    )


async def _goes_to_another(
    session: AsyncSession, delivery: Delivery, usable: Mapping[Channel, tuple[str, ...]]
) -> bool:
    """Tell whether a campaign's message went to this address for another of its recipients."""
    if not delivery.campaign or delivery.lane is Channel.PUSH:
        return False
    if not (addresses := usable.get(delivery.lane)):
        return False
    taken = await digest(session, delivery.lane, addresses[0])
    found = await recipients.takers(session, delivery.campaign, [taken])
    return found.get(taken, delivery.customer_id) != delivery.customer_id


async def _room(
    session: AsyncSession, case: Case, person: CustomerRow, instead_of: str
) -> Room | None:
    """Count what caps count; nothing is queried for a message that no cap concerns."""
    least_days = (person.least_days or {}).get(case.delivery.topic, 0)
    room = Room.of(case.delivery, case.rules, case.now, least_days=least_days)
    if room is None:
        return None
    counted = await slots.of_customer(
        session,
        person.customer_id,
        besides=case.delivery.message_id,
        since=room.since(zone(case.timezone)),
        held_since=case.now - LATE,
        in_shadow=case.delivery.journey if case.delivery.shadow else "",
        instead_of=instead_of,
    )
    return room.among(counted)


async def _is_told(
    session: AsyncSession, delivery: Delivery, person: CustomerRow, others: Sequence[str]
) -> bool:
    """Tell whether the same person has had this step already.

    In a campaign, both of two joined ids may have been in the audience.

    Each of two joined ids may have brought a run of the same journey and key, and so may each of
    two ids that share an address. Both runs go on and hear the same events, and the run that comes
    first to a step sends it.
    """
    if delivery.campaign:
        gone = await ledger.gone_to(session, delivery.workflow_id, [person.customer_id])
        return any(one != delivery.message_id for one in gone.get(person.customer_id, ()))
    if not person.merged and not others:
        return False
    noted = await runs.of_customers(session, [person.customer_id, *others])
    twins = {
        run.workflow_id
        for run in noted
        if run.journey == delivery.journey
        and plain(run.key) == plain(delivery.key)
        and run.workflow_id != delivery.workflow_id
    }
    since, _ = delivery.latest
    return bool(twins) and await ledger.is_under_way(
        session, twins, delivery.step, since=since, in_shadow=delivery.shadow
    )
