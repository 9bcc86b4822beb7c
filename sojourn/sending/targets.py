"""The devices that one push message goes to, in one attempt.

A message to three devices is one message: one claim, one row in the ledger. Each device that it was
handed over for has a row of its own (`HandoverRow`), and what that row says decides where the next
attempt goes: to no device that took the message, or refused it for good.
"""

import hashlib
from dataclasses import dataclass

from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.messages import Channel
from sojourn.domain.reports import reference
from sojourn.domain.states import UNRESOLVED, AttemptState
from sojourn.sending.gathering import Gathered
from sojourn.store import handovers
from sojourn.store.tables import ContentRow, HandoverRow, LedgerRow

_OVER = (AttemptState.ACCEPTED, AttemptState.REFUSED)


@dataclass(frozen=True)
class Target:
    """A device that a message goes to.

    Args:
        address: the device's token.
        platform: as its app says; may be empty.
        ledger_key: names the message for this device, the same in every attempt.
    """

    address: str
    platform: str
    ledger_key: str


async def of(
    session: AsyncSession,
    row: LedgerRow,
    gathered: Gathered,
    *,
    in_doubt: bool,
    perhaps_twice: bool,
    kept: ContentRow | None,
) -> tuple[Target, ...]:
    """Return the devices that this attempt hands the message over for, the best first.

    A message that may be out goes, if it goes once more, to the devices that certainly did not get
    it; only if there are none, once more to those that may have. A provider that delivers a
    repeated message once gets it for both.

    Args:
        session: the transaction that claims the message.
        row: the message's.
        gathered: the case, with the customer's devices.
        in_doubt: an earlier attempt may have sent it.
        perhaps_twice: a device that has it may then get it twice.
        kept: what was handed over before, if it goes once more.

    Returns:
        The devices. There are none for a message from before there were devices, or if no device is
        left that lacks the message; then it goes where it went before.
    """
    assert row.id is not None
    before = {one.address: one for one in await handovers.last(session, row.id)}
    usable = list(gathered.usable.get(Channel.PUSH, ()))
    if in_doubt:
        if kept is not None and not before:
            return ()
        lack = [one for one in usable if _certainly_lacks(before.get(one))]
        doubtful = [one for one in before if before[one].state in UNRESOLVED]
        usable = [*lack, *doubtful] if not perhaps_twice else lack or doubtful
    else:
        usable = [one for one in usable if one not in before or before[one].state not in _OVER]
    platforms = {device.token: device.platform for device in gathered.customer.devices or ()}
    only = len(usable) == 1 and not before
    return tuple(
        Target(
            one,
            platforms.get(one, ""),
            key_of(row.ledger_key, one, before.get(one), only=only),
        )
        for one in usable
    )


def _certainly_lacks(row: HandoverRow | None) -> bool:
    return row is not None and row.state is AttemptState.RELEASED


def key_of(ledger_key: str, address: str, before: HandoverRow | None, *, only: bool) -> str:
    """Return the key of a message for a device, the same in every attempt.

    A provider that knows a repeated message by its key must not take the second device's for one.

    Args:
        ledger_key: the message's own; the only device of a message has it.
        address: the device's token.
        before: the last hand-over for the device; None: this is the first.
        only: it is the only device that the message goes to.

    Returns:
        The key.
    """
    if before is not None:
        only = before.reference == reference(ledger_key)
    if only:
        return ledger_key
    return f"{ledger_key}/{hashlib.sha256(address.encode()).hexdigest()[:12]}"
