"""Our answers to STOP, START and HELP: claimed, then handed over once.

They belong to no run, so they have rows of their own (`store.answers`) in place of the ledger's.
They obey what every message obeys: operators' switches and paused channels, the addresses
that this installation may write to, dead addresses, the fence around the hand-over.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

import structlog

from sojourn.channels.fence import Fence
from sojourn.channels.provider import Parcel, Providers
from sojourn.domain.errors import (
    AccountError,
    AmbiguousSend,
    PermanentError,
    TemplateError,
    TransientError,
)
from sojourn.domain.messages import Channel, Reason
from sojourn.domain.only_to import OnlyTo
from sojourn.domain.states import AnswerState
from sojourn.domain.stopping import Meaning
from sojourn.domain.switches import Scope
from sojourn.rendering.answers import Answers
from sojourn.sending.handing import hand_over, to_its_end
from sojourn.store import Store, answers, locks, suppressions, switches
from sojourn.store.tables import AnswerRow

log = structlog.stdlib.get_logger("sojourn.sending")


async def answer_replies(
    store: Store, carriers: Providers, words: Answers, only_to: OnlyTo | None = None
) -> int:
    """Send the answers that wait for a channel that is served here.

    Args:
        store: an open store.
        carriers: the providers of the channels that are served here.
        words: of the answers.
        only_to: the addresses that this installation may write to; None: all.

    Returns:
        The number that were handed over.
    """
    async with store.reading() as session:
        if not await answers.any_waits(session):
            return 0
    sent = 0
    for row in await _claimed(store, carriers, only_to):
        fence = Fence()
        sent += await to_its_end(_send(store, carriers, words, row, fence=fence), fence)
    return sent


async def _claimed(
    store: Store, carriers: Providers, only_to: OnlyTo | None
) -> Sequence[AnswerRow]:
    now = datetime.now(UTC)
    async with store.transaction() as session:
        await locks.share(session, [switches.LOCK])
        held = await switches.holds(session)
        if any(switch.scope is Scope.ALL for switch in held.switches):
            return ()
        rows = await answers.claim(session, set(carriers) - set(held.channels), now)
        pairs = [(Channel(row.channel), row.address) for row in rows]
        dead = await suppressions.suppressed(session, pairs)
        leave = []
        for row, (channel, address) in zip(rows, pairs, strict=True):
            reason = None
            if only_to is not None and not only_to.allows(channel, address):
                reason = Reason.ONLY_TO
            elif (channel, address) in dead:
                reason = Reason.SUPPRESSED
            if reason is None:
                leave.append(row)
            else:
                row.state, row.reason, row.settled_at = AnswerState.DROPPED, reason.value, now
    return leave


async def _send(
    store: Store, carriers: Providers, words: Answers, row: AnswerRow, *, fence: Fence
) -> int:
    """Hand one answer over, and note what became of it."""
    channel = Channel(row.channel)
    provider = carriers[channel]
    state, reason, provider_id = AnswerState.SENT, None, None
    try:
        content = words.content(Meaning(row.meaning), channel, row.language)
        parcel = Parcel(f"answer/{row.provider}/{row.event_id}", row.address, content)
        provider_id = await hand_over(provider, parcel, fence)
    except TransientError:
        state = AnswerState.WAITING  # certainly not sent; while it is of use, it is tried again
    except AccountError as error:
        log.error("an answer cannot be sent", provider=provider.name, said=error.told)
        state = AnswerState.WAITING
    except PermanentError as error:
        state, reason = AnswerState.DROPPED, error.reason
    except TemplateError as error:
        log.error("an answer cannot be rendered", said=str(error))
        state, reason = AnswerState.DROPPED, Reason.TEMPLATE.value
    except AmbiguousSend as error:
        log.warning("an answer was perhaps sent", provider=provider.name, said=error.told)
        state = AnswerState.UNKNOWN
    async with store.transaction() as session:
        assert row.id is not None
        await answers.settle(
            session,
            row.id,
            state,
            at=datetime.now(UTC),
            reason=reason,
            carrier=provider.name,
            provider_id=provider_id,
        )
    return int(state is AnswerState.SENT)


async def forget_old(store: Store) -> None:
    """Forget whose answers the older ones were."""
    async with store.transaction() as session:
        await answers.forget(session, datetime.now(UTC))
