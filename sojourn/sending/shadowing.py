"""The gate's third part for a message in shadow: its row is noted, and nothing else is changed.

The verdict is that on any message, by the same facts. No attempt is made, no code reserved, no slot
of a cap taken or freed, nobody comes into a control group, and no other run is woken.
"""

from dataclasses import replace
from typing import assert_never

from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.coupons import Pools
from sojourn.domain.events import Events
from sojourn.domain.messages import Channel, Receipt, Status
from sojourn.domain.policy import Allow, Defer, Skip
from sojourn.domain.states import MessageState
from sojourn.domain.verdict import Doubt, Late, Ruling, Verdict, receipt
from sojourn.sending import couponing
from sojourn.sending.applying import forgotten, noted, start_of
from sojourn.sending.couponing import NO_POOLS
from sojourn.sending.drafting import Claim, drafted
from sojourn.sending.gathering import Gathered, entry
from sojourn.store import settling


async def note(
    session: AsyncSession,
    verdict: Verdict,
    gathered: Gathered,
    *,
    known: Events,
    pools: Pools = NO_POOLS,
) -> Claim | Receipt | Doubt | Late:
    """Note the verdict on a message in shadow.

    Args:
        session: the transaction that gathered.
        verdict: the verdict on the case.
        gathered: the case and its rows.
        known: the project's events, by wire name.
        pools: the project's, of codes that messages hand out.

    Returns:
        What the message is to be rendered from, if it would leave; otherwise the receipt.
    """
    case = gathered.case
    if not gathered.rows:
        await settling.supersede_holds(session, case.delivery)
    if not isinstance(verdict, Ruling):
        return verdict
    start = await start_of(session, case.delivery, known)
    if isinstance(verdict.decision, Allow) and start is None:
        verdict = forgotten(case, verdict)
    row = noted(gathered, verdict)
    row.state, row.would = MessageState.SHADOW, verdict.state.value
    session.add(row)
    await session.flush()
    match verdict.decision:
        case Allow():
            assert row.id is not None
            assert start is not None, "else the message is skipped"
            draft = await drafted(session, gathered, Channel(row.channel), start, known=known)
            return replace(
                draft,
                ledger_id=row.id,
                attempt=row.attempt,
                decided_at=row.decided_at,
                ledger_key=row.ledger_key,
                coupon=couponing.made_up(case.delivery, pools, case.now, case.timezone),
                shadow=True,
            )
        case Defer(until, reason, _):
            return Receipt(
                status=Status.DEFERRED, reason=reason, until=until, timezone=case.timezone
            )
        case Skip():
            return receipt(entry(row), case.timezone, verdict.news)
        case decision:
            assert_never(decision)


def silenced(answer: Claim | Receipt | Doubt | Late) -> Claim | Receipt | Doubt | Late:
    """Return the gate's answer to a run whose journey begins nothing for real now.

    A purchase that ends the run, and begins its next enrolment, begins it in shadow.

    Args:
        answer: the gate's.
    """
    if not isinstance(answer, Receipt) or answer.news is None:
        return answer
    news = answer.news.model_copy(update={"shadow": True})
    return answer.model_copy(update={"news": news})
