"""Reports: store the reports of providers on messages, and act on them.

A report settles a message whose answer was lost, moves the message's progress forward, suppresses
a dead address, records a refusal. Reports come twice, late and in any order, and still lead to the
same rows.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, func, text
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.addresses import normalised, spellings
from sojourn.domain.consent import Evidence
from sojourn.domain.messages import Channel
from sojourn.domain.reports import Kind, Report
from sojourn.domain.states import MessageState
from sojourn.domain.stopping import Meaning
from sojourn.store import (
    answers,
    consents,
    harms,
    kin,
    people,
    proofs,
    refusals,
    settling,
    suppressions,
    taking_back,
)
from sojourn.store.card_addresses import addresses_of
from sojourn.store.dialects import insert
from sojourn.store.measuring import hits
from sojourn.store.tables import (
    HAS_PHONE2,
    AttemptRow,
    ContentRow,
    CustomerRow,
    HandoverRow,
    LedgerRow,
    ReportRow,
)

BY_ADDRESS = frozenset({Kind.REPLIED, Kind.UNSUBSCRIBED})
"""Reports that come from people, who quote no id of ours."""
PERHAPS_SENT = (MessageState.SENT, MessageState.SUBMITTING, MessageState.UNKNOWN)
CLOCKS_APART = timedelta(minutes=1)
"""The most that a provider's clock may be behind ours."""


@dataclass(frozen=True)
class Told:
    """A report, and the message it is about.

    Args:
        provider: the name of the provider that sent the report.
        report: the report.
        customer_id: the customer who got the message.
        journey: the journey that sent the message.
        workflow_id: the workflow id of the run that sent it.
        step: the step of the run.
        channel: the message's channel.
        topic: the message's topic.
        twice: the report proves, and nothing did before, that the message went out twice.
        machine: why a machine, not a person, is thought to be behind it; None: a person, as far
            as can be told.
        held: its run is to be told later.
        locale: the customer's locale; empty if it is not known.
    """

    provider: str
    report: Report
    customer_id: str
    journey: str
    workflow_id: str
    step: str
    channel: Channel
    topic: str
    twice: bool = False
    locale: str = ""
    machine: str | None = None
    held: bool = False

    @property
    def refuses(self) -> str:
        """The topic of an unsubscription; empty means all promotional messages.

        An e-mail's link belongs to one topic. A stop word refuses the sender as a whole.
        """
        return self.topic if self.channel is Channel.EMAIL else ""


@dataclass(frozen=True)
class _Match:
    ledger_id: int
    customer_id: str
    proven: bool = True
    """The report names the message, so the provider has it."""
    address: str = ""
    """The address that the report is about, if the customer has several; empty: the message's."""


async def take(
    session: AsyncSession,
    provider: str,
    report: Report,
    received_at: datetime,
    *,
    hold: timedelta = timedelta(0),
) -> Told | None:
    """Store a report and act on it, once however often it comes.

    Args:
        session: a writing transaction that holds no customer.
        provider: the name of the provider that sent the report.
        report: the report, as `domain.reports.writable` returns it.
        received_at: when its webhook arrived, by the machine's clock.
        hold: how much later an open or a click is told, and moves its message's progress.

    Returns:
        The report with its message, even if the report was stored before; None if the message is
        not ours, or has so many opens and clicks that no more are kept.
    """
    match = await _match(session, provider, report)
    if match is None:
        kept_at = await _keep(session, provider, report, received_at, None)
        if kept_at is not None and not report.reference and not report.provider_id:
            # a report on an address alone: it is dead, or its owner complained
            await _suppress(session, provider, report, report.address, hidden=False)
        if kept_at is not None and report.kind is Kind.UNSUBSCRIBED:
            # we never wrote to this address, or only to somebody now erased; a customer may still
            # have it on their card
            await refusals.add(
                session,
                report.channel,
                report.address,
                topic="",
                at=kept_at,
                source=_source(provider, report),
                hidden=True,
            )
        if kept_at is not None:
            holder = await answers.holder(session, report.channel, report.address)
            await _obey(session, provider, report, kept_at, holder)
        return None
    if report.meaning is Meaning.START:  # it concerns several people, locked in one order
        await taking_back.hold_holders(
            session, report.channel, report.address, besides=match.customer_id
        )
    person = await people.lock(session, match.customer_id)
    row = await proofs.held(session, match.ledger_id)
    told = replace(_told(provider, report, row), locale=person.locale)
    is_hit = hits.is_hit(report)
    if is_hit and await hits.is_full(session, match.ledger_id):
        return None
    kept_at = await _keep(session, provider, report, received_at, match.ledger_id)
    if is_hit:
        new, tell_at = kept_at is not None, received_at + hold if hold else None
        told = await _judged(session, told, row, received_at, tell_at if new else None, new=new)
    if kept_at is not None:
        twice = await _note(session, told, row, received_at, proven=match.proven)
        told = replace(told, twice=twice)
        if (harm := harms.harm_of(report)) is not None:
            await harms.note(session, match.ledger_id, harm)
        # our own address for the message counts: the report may name one it was forwarded to
        query = select(ContentRow.address).where(ContentRow.ledger_id == match.ledger_id)
        address = match.address or (await session.exec(query)).first() or report.address
        hidden = person.erased_at is not None
        await _suppress(session, provider, report, address, hidden=hidden)
        await _refuse(session, told, person, address, kept_at)
        await _obey(session, provider, report, kept_at, person)
    return told


async def _judged(
    session: AsyncSession,
    told: Told,
    row: LedgerRow,
    received_at: datetime,
    tell_at: datetime | None,
    *,
    new: bool,
) -> Told:
    """Return an open or a click with the verdict on it; a new one has its message judged first."""
    number, machine, held = await hits.standing(session, told.provider, told.report)
    if new:
        await hits.note(session, number, told.report, row, received_at, tell_at=tell_at)
        number, machine, held = await hits.standing(session, told.provider, told.report)
    return replace(told, machine=machine, held=held)


@dataclass(frozen=True)
class HeldClick:
    """A click whose time to be told has come.

    Args:
        report_id: the number of its row.
        ledger_id: the number of its message's row.
        told: the click, and its message.
    """

    report_id: int
    ledger_id: int
    told: Told


async def held_clicks(session: AsyncSession, now: datetime) -> Sequence[HeldClick]:
    """Return clicks whose time to be told has come, oldest first.

    Args:
        session: any session.
        now: by the machine's clock.
    """
    found = []
    for hit, row in await hits.due(session, now):
        message = await session.get(LedgerRow, hit.ledger_id)
        assert message is not None, "its hits go with it"
        report = Report(
            event_id=row.event_id,
            kind=Kind(row.kind),
            at=row.at,
            channel=Channel(message.channel),
            url=hit.url,
        )
        told = replace(_told(row.provider, report, message), machine=row.machine)
        found.append(HeldClick(hit.report_id, hit.ledger_id, told))
    return found


def _told(provider: str, report: Report, row: LedgerRow) -> Told:
    return Told(
        provider=provider,
        report=report,
        customer_id=row.customer_id,
        journey=row.journey,
        workflow_id=row.workflow_id,
        step=row.step,
        channel=Channel(row.channel),
        topic=row.topic,
    )


async def of_messages(
    session: AsyncSession, ledger_ids: Iterable[int]
) -> Mapping[int, Sequence[ReportRow]]:
    """Return the reports on each of these messages, oldest first, by the number of its row."""
    kept: dict[int, list[ReportRow]] = {number: [] for number in ledger_ids}
    query = select(ReportRow).where(col(ReportRow.ledger_id).in_(kept))
    for row in await session.exec(query.order_by(col(ReportRow.at), col(ReportRow.id))):
        assert row.ledger_id is not None
        kept[row.ledger_id].append(row)
    return kept


async def answered_from(
    session: AsyncSession, customer_id: str, channel: Channel, address: str, since: datetime
) -> bool:
    """Tell whether a customer has answered a message that went to an address.

    Args:
        session: any session.
        customer_id: the id that holds everything.
        channel: the message's.
        address: in any spelling.
        since: answers before this moment do not count.

    Returns:
        True if there is an answer.
    """
    query = (
        select(ReportRow.id)
        .join(LedgerRow, col(ReportRow.ledger_id) == LedgerRow.id)
        .join(ContentRow, col(ContentRow.ledger_id) == LedgerRow.id)
        .where(
            LedgerRow.customer_id == customer_id,
            LedgerRow.channel == channel.value,
            ReportRow.kind == Kind.REPLIED.value,
            col(ReportRow.at) >= since,
            col(ContentRow.address).in_(spellings(channel, address)),
        )
    )
    return (await session.exec(query.limit(1))).first() is not None


# ---- which message -------------------------------------------------------------------------


async def _match(session: AsyncSession, provider: str, report: Report) -> _Match | None:
    found = select(LedgerRow.id, LedgerRow.customer_id)
    kept = found.join(ReportRow, col(ReportRow.ledger_id) == LedgerRow.id).where(
        ReportRow.provider == provider, ReportRow.event_id == report.event_id
    )
    newest = found.order_by(col(LedgerRow.id).desc()).limit(1)
    queries = [kept]
    if report.reference:
        queries.append(found.where(LedgerRow.reference == report.reference))
    if report.provider_id:
        queries.append(
            newest.join(AttemptRow, col(AttemptRow.ledger_id) == LedgerRow.id).where(
                AttemptRow.provider == provider, AttemptRow.provider_id == report.provider_id
            )
        )
    for query in queries:
        if (ours := (await session.exec(query)).first()) is not None:
            return _Match(*_whole(ours))
    if report.channel is Channel.PUSH and report.reference:
        told = select(LedgerRow.id, LedgerRow.customer_id, HandoverRow.address).join(
            HandoverRow, col(HandoverRow.ledger_id) == LedgerRow.id
        )
        match = (await session.exec(told.where(HandoverRow.reference == report.reference))).first()
        if match is not None:
            ledger_id, customer_id, device = match
            return _Match(*_whole((ledger_id, customer_id)), address=device)
    return await _by_address(session, report) if report.kind in BY_ADDRESS else None


async def _by_address(session: AsyncSession, report: Report) -> _Match | None:
    """Find the newest message to the report's address that was sent before the report.

    If a customer has two phone numbers, messages to the other number count as well: people answer
    from the phone that is at hand.
    """
    if not normalised(report.channel, report.address):
        return None
    written = spellings(report.channel, report.address)
    found: list[tuple[datetime, int, str, bool]] = []
    if (ours := await _newest(session, report, _sent_to(report.channel, written))) is not None:
        found.append((*ours, True))
    if report.channel in (Channel.SMS, Channel.WHATSAPP):
        for person in await _with_two_numbers(session, written):
            numbers = [spellings(report.channel, one) for one in (person.phone, person.phone2)]
            mine = col(LedgerRow.customer_id) == person.customer_id
            theirs = and_(mine, _sent_to(report.channel, frozenset.union(*numbers)))
            if (ours := await _newest(session, report, theirs)) is not None:
                found.append((*ours, False))
    if not found:
        return None
    _, ledger_id, customer_id, direct = max(found, key=lambda one: (one[0], one[1], one[3]))
    address = "" if direct else report.address
    return _Match(ledger_id, customer_id, proven=False, address=address)


def _sent_to(channel: Channel, written: Collection[str]) -> ColumnElement[bool]:
    """Return the condition that a text went to an address, as the index of texts finds it.

    Args:
        channel: of the address.
        written: its spellings. Those of an e-mail address are in small letters, whatever it was
            written like when a message went there.
    """
    small = func.lower(ContentRow.address).in_({one.lower() for one in written})
    if channel is Channel.EMAIL:
        return small
    return and_(small, col(ContentRow.address).in_(written))


async def _newest(
    session: AsyncSession, report: Report, to: ColumnElement[bool]
) -> tuple[datetime, int, str] | None:
    query = (
        select(LedgerRow.submitted_at, LedgerRow.id, LedgerRow.customer_id)
        .join(ContentRow, col(ContentRow.ledger_id) == LedgerRow.id)
        .where(
            to,
            LedgerRow.channel == report.channel.value,
            col(LedgerRow.state).in_(PERHAPS_SENT),
            col(LedgerRow.submitted_at) <= report.at + CLOCKS_APART,
        )
        # a held message goes out later than its row's number suggests
        .order_by(col(LedgerRow.submitted_at).desc(), col(LedgerRow.id).desc())
        .limit(1)
    )
    if (row := (await session.exec(query)).first()) is None:
        return None
    submitted_at, ledger_id, customer_id = row
    assert ledger_id is not None
    assert submitted_at is not None
    return submitted_at, ledger_id, customer_id


async def _with_two_numbers(session: AsyncSession, written: Iterable[str]) -> Sequence[CustomerRow]:
    """Return the customers who have this number and another one; none if many share it."""
    query = select(CustomerRow).where(
        kin.has_number(written),
        col(CustomerRow.phone) != "",
        text(HAS_PHONE2),
        col(CustomerRow.joined_to).is_(None),
        col(CustomerRow.erased_at).is_(None),
    )
    found = (await session.exec(query.limit(kin.MOST_IDS + 1))).all()
    return found if len(found) <= kin.MOST_IDS else ()


def _whole(found: tuple[int | None, str]) -> tuple[int, str]:
    ledger_id, customer_id = found
    assert ledger_id is not None
    return ledger_id, customer_id


# ---- what follows --------------------------------------------------------------------------


async def _keep(
    session: AsyncSession,
    provider: str,
    report: Report,
    received_at: datetime,
    ledger_id: int | None,
) -> datetime | None:
    """Store a report; return when it first arrived, or None if its message had it before."""
    row = ReportRow(
        provider=provider,
        event_id=report.event_id,
        ledger_id=ledger_id,
        kind=report.kind.value,
        at=report.at,
        received_at=received_at,
        # the detail on a message that is not ours is not needed, and may quote addresses
        detail=report.detail if ledger_id is not None else "",
    )
    addition = insert(session, ReportRow).values(row.model_dump(exclude={"id"}))
    # a report that names only the provider's id may arrive before the answer that tells us the id,
    # and again after it
    kept = await session.exec(
        addition.on_conflict_do_update(
            index_elements=["provider", "event_id"],
            set_={
                "ledger_id": addition.excluded.ledger_id,
                "detail": addition.excluded.detail,
            },
            where=col(ReportRow.ledger_id).is_(None),
        ).returning(col(ReportRow.received_at))
    )
    first: datetime | None = kept.scalars().first()
    return first


async def _note(
    session: AsyncSession, told: Told, row: LedgerRow, received_at: datetime, *, proven: bool
) -> bool:
    """Settle the message's row, and move its progress.

    Returns:
        True if this proves, and nothing did before, that the message went out twice.
    """
    assert row.id is not None
    report, twice = told.report, False
    if row.state in proofs.NEVER_SENT and not (proven and report.kind in proofs.REACHED):
        return False
    if proven:
        twice = await proofs.reported(session, row, told.provider, report, received_at)
        await session.flush()
    if not told.machine and not told.held:
        await settling.advance(session, row.id, report.kind, report.at)
    return twice


async def _suppress(
    session: AsyncSession, provider: str, report: Report, address: str, *, hidden: bool
) -> None:
    if report.kind is Kind.COMPLAINED:
        because = "complained"
    elif report.hard:
        because = "gone" if report.channel is Channel.PUSH else "bounced"
    else:
        return
    if normalised(report.channel, address):
        await suppressions.add(
            session,
            report.channel,
            address,
            because=because,
            at=report.at,
            source=_source(provider, report),
            hidden=hidden,
        )


async def _refuse(
    session: AsyncSession, told: Told, person: CustomerRow, address: str, received_at: datetime
) -> None:
    """Record a refusal of the person, and of everybody who has the address."""
    if told.report.kind is not Kind.UNSUBSCRIBED:
        return
    source = _source(told.provider, told.report)
    await consents.record(
        session,
        person,
        told.channel,
        granted=False,
        at=told.report.at,
        received_at=received_at,
        source=source,
        topic=told.refuses,
        evidence=evidence_from(person, told.channel, address),
    )
    await refusals.add(
        session,
        told.channel,
        address,
        topic=told.refuses,
        at=received_at,
        source=source,
        hidden=person.erased_at is not None,
    )


def evidence_from(person: CustomerRow, channel: Channel, address: str) -> Evidence:
    """Return the circumstances of a word from an address: the address, if it is not the first.

    Args:
        person: the customer's row.
        channel: of the address.
        address: in any spelling.

    Returns:
        The second number, if the word came from it; else empty, and the card's first is noted.
    """
    same = normalised(channel, address)
    others = addresses_of(person, channel)[1:]
    found = next((one for one in others if normalised(channel, one) == same), "")
    return Evidence(address=found)


async def _obey(
    session: AsyncSession,
    provider: str,
    report: Report,
    kept_at: datetime,
    holder: CustomerRow | None,
) -> None:
    """Obey a reply that is no refusal, and note that it is to be answered."""
    if report.meaning is Meaning.START and not await taking_back.take_back(
        session,
        report.channel,
        report.address,
        provider=provider,
        source=_source(provider, report),
        received_at=kept_at,
    ):
        return
    await answers.note(
        session,
        provider,
        report,
        customer_id=holder.customer_id if holder else "",
        language=holder.locale if holder else "",
        received_at=kept_at,
    )


def _source(provider: str, report: Report) -> str:
    return f"{provider}:{report.event_id}"
