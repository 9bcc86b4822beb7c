"""The gate of a batch: one transaction for all of its messages, and one verdict for each."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self, assert_never

from sqlmodel import SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.coupons import Coupon, Pools
from sojourn.domain.messages import Channel, Delivery, Reason, Receipt, Status
from sojourn.domain.policy import Allow, Defer, Skip
from sojourn.domain.rules import Rules
from sojourn.domain.states import MessageState
from sojourn.domain.verdict import Ruling, judge, receipt
from sojourn.project import Project
from sojourn.sending.applying import note_sides, noted
from sojourn.sending.batches.gathering import Batch, gather_many
from sojourn.sending.couponing import Taker, reserve_many, why_missing
from sojourn.sending.drafting import Claim, launched
from sojourn.sending.gathering import Gathered, entry
from sojourn.sending.grounds import Grounds
from sojourn.sending.ramping import counts
from sojourn.settings import Settings
from sojourn.store import Store, recipients
from sojourn.store.tables import LedgerRow

LEDGER = SQLModel.metadata.tables["ledger"]

Answers = Mapping[str, Claim | Receipt]
"""By the recipient's id; messages to recipients that are left out go singly."""


@dataclass(frozen=True)
class Looked:
    """The fates of messages, as they would be.

    Args:
        found: the facts about each and the verdict, by the recipient's id; others go singly.
        takers: the recipient whose message an address would have got, by the address's digest.
    """

    found: Mapping[str, tuple[Gathered, Ruling]]
    takers: Mapping[str, str]


class BatchGate:
    """Decide on the messages of a batch, and claim those that may leave."""

    def __init__(self, store: Store, grounds: Grounds) -> None:
        """Make a gate; the arguments are those of `sending.gate.Gate`."""
        self._store = store
        self._on = grounds

    @classmethod
    def of(
        cls, store: Store, settings: Settings, project: Project, rules: Callable[[], Rules]
    ) -> Self:
        """Make the gate of an installation.

        Args:
            store: an open store.
            settings: of the installation.
            project: its journeys, events and topics.
            rules: of the project's policy, as they are at the moment.

        Returns:
            The gate.
        """
        return cls(store, Grounds.of(settings, project, rules))

    async def decide(self, deliveries: Mapping[int, Delivery], now: datetime) -> Answers | None:
        """Decide on the messages of a batch, in one transaction.

        Recipients whose message does not leave are noted as decided on, and held ones with their
        next moment, in the same transaction.

        Args:
            deliveries: by the recipient's number.
            now: the present moment, by the campaign's clock.

        Returns:
            A claim of each message that may leave, and the receipts of others. None: the campaign
            was paused or stopped meanwhile, and nothing is decided.
        """
        rules = self._on.rules()  # it may read a file: not while customers are locked
        async with self._store.transaction() as session:
            batch = await gather_many(
                session, list(deliveries.values()), now, self._on, rules=rules
            )
            if batch is None:
                return None
            numbers = {one.customer_id: number for number, one in deliveries.items()}
            return await _apply(session, batch, numbers, now, self._on)

    async def look(
        self, deliveries: Sequence[Delivery], now: datetime, takers: Mapping[str, str]
    ) -> Looked:
        """Tell what would become of messages if their campaign ran; store and hold nothing.

        Args:
            deliveries: of one campaign, which may not be launched yet; a batch `fits` them.
            now: the moment, by the campaign's clock.
            takers: those that earlier looks found (`Looked.takers`).

        Returns:
            The facts and the verdicts.
        """
        async with self._store.reading() as session:
            batch = await gather_many(
                session, deliveries, now, self._on, rules=self._on.rules(), holding=False
            )
        assert batch is not None, "a look supposes that the campaign runs"
        batch = replace(batch, takers={**takers, **batch.takers})
        rulings = _judged(batch)
        gone = {
            batch.digests[one]: one
            for one, ruling in rulings.items()
            if isinstance(ruling.decision, Allow)
        }
        return Looked(
            {one: (batch.gathered[one], ruling) for one, ruling in rulings.items()},
            {**takers, **gone},
        )


async def _apply(
    session: AsyncSession,
    batch: Batch,
    numbers: Mapping[str, int],
    now: datetime,
    grounds: Grounds,
) -> Answers:
    """Note the verdicts, all rows by one statement."""
    rulings = _judged(batch)
    if not rulings:
        return {}
    coupons = await _reserve(session, batch, rulings, grounds.coupons, now)
    rows = {one: noted(batch.gathered[one], ruling) for one, ruling in rulings.items()}
    ids = await _insert(session, list(rows.values()))
    answers: dict[str, Claim | Receipt] = {}
    over: list[int] = []
    again: dict[int, datetime] = {}
    taken: dict[str, str] = {}
    for one, ruling in rulings.items():
        gathered, row = batch.gathered[one], rows[one]
        note_sides(session, gathered, ruling)
        row.id = ids[row.message_id]
        match ruling.decision:
            case Allow():
                answers[one] = _claim(gathered, row, coupons.get(row.message_id))
                taken[one] = batch.digests[one]
            case Defer(until, reason, _):
                again[numbers[one]] = until
                answers[one] = Receipt(
                    status=Status.DEFERRED,
                    reason=reason,
                    until=until,
                    timezone=gathered.case.timezone,
                )
            case Skip():
                over.append(numbers[one])
                answers[one] = receipt(entry(row), gathered.case.timezone, ruling.news)
            case decision:
                assert_never(decision)
    await recipients.take(session, batch.gathered[one].case.delivery.campaign, taken)
    if grounds.ramp is not None:
        await grounds.ramp.count(session, _number(batch, rulings))
    await recipients.decided(session, over)
    await recipients.ask_again(session, again)
    return answers


def _number(batch: Batch, rulings: Mapping[str, Ruling]) -> int:
    """Count the messages that use up a part of a day's budget."""
    return sum(
        isinstance(ruling.decision, Allow)
        and counts(batch.gathered[one].case.delivery, ruling.decision.channel)
        for one, ruling in rulings.items()
    )


def _judged(batch: Batch) -> dict[str, Ruling]:
    """Judge each message; of several to one address, the first that may leave does."""
    takers = dict(batch.takers)
    rulings: dict[str, Ruling] = {}
    going = 0
    for one, gathered in batch.gathered.items():
        case = gathered.case
        assert case.circumstances is not None
        if going and (allowance := case.circumstances.allowance) is not None:
            lessened = replace(allowance, used=allowance.used + going)
            case = replace(case, circumstances=replace(case.circumstances, allowance=lessened))
        taken = batch.digests.get(one)
        assert case.circumstances is not None
        if taken is not None and takers.get(taken, one) != one:
            around = replace(case.circumstances, already_told=True)
            case = replace(case, circumstances=around)
        ruling = judge(case)
        if not isinstance(ruling, Ruling):
            continue  # there is more to say about it: it goes singly
        rulings[one] = ruling
        if isinstance(ruling.decision, Allow):
            going += 1
            if taken is not None:
                takers[taken] = one
    return rulings


async def _insert(session: AsyncSession, rows: Sequence[LedgerRow]) -> dict[str, int]:
    connection = await session.connection()
    added = await connection.execute(
        LEDGER.insert().returning(LEDGER.c.message_id, LEDGER.c.id),
        [row.model_dump(exclude={"id"}) for row in rows],
    )
    return {row.message_id: row.id for row in added}


async def _reserve(
    session: AsyncSession,
    batch: Batch,
    rulings: dict[str, Ruling],
    pools: Pools,
    now: datetime,
) -> Mapping[str, Coupon]:
    """Reserve the codes of messages that hand them out; skip those for which none is left."""
    going = {
        one: batch.gathered[one]
        for one, ruling in rulings.items()
        if isinstance(ruling.decision, Allow) and batch.gathered[one].case.delivery.coupon
    }
    if not going:
        return {}
    name = next(iter(going.values())).case.delivery.coupon
    takers = {
        each.case.delivery.message_id: Taker(each.customer.customer_id, each.case.timezone)
        for each in going.values()
    }
    codes = await reserve_many(session, name, takers, pools, now)
    for one, each in going.items():
        if each.case.delivery.message_id not in codes:
            said = why_missing(pools, name, now, each.case.timezone)
            skip = Skip(Reason.NO_COUPON, said)
            rulings[one] = replace(rulings[one], decision=skip, state=MessageState.SKIPPED)
    return codes


def _claim(gathered: Gathered, row: LedgerRow, coupon: Coupon | None) -> Claim:
    case = gathered.case
    assert row.id is not None
    assert case.circumstances is not None
    channel = Channel(row.channel)
    return Claim(
        ledger_id=row.id,
        attempt=row.attempt,
        channel=channel,
        address=gathered.usable[channel][0],
        customer=gathered.customer,
        timezone=case.timezone,
        start=launched(case.delivery),
        moves=(),
        history=(),
        decided_at=row.decided_at,
        opens=case.circumstances.recipient.consents.opens,
        ledger_key=row.ledger_key,
        coupon=coupon,
    )
