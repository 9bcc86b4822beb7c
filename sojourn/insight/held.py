"""Messages that an operator holds back, in words."""

from collections.abc import Iterable

from sojourn.domain.campaign_run import PREFIX
from sojourn.domain.messages import Reason
from sojourn.domain.states import MessageState
from sojourn.domain.switches import Part, first
from sojourn.store import switches
from sojourn.store.tables import LedgerRow, SwitchRow


def held_back(row: LedgerRow, held: Iterable[SwitchRow]) -> str:
    """Say who holds a message back, since when and why.

    Args:
        row: the message's row of the ledger.
        held: the switches that are on, and those that were.

    Returns:
        A clause; empty if nobody holds it back now.
    """
    if (row.state, row.reason) != (MessageState.DEFERRED, Reason.HELD_BACK):
        return ""
    on = [switches.switch(one) for one in held if one.part == Part.SENDS and one.ended_at is None]
    switch = first(on, journey=row.journey, topics=[row.topic])
    if switch is None and row.workflow_id.startswith(PREFIX):
        return "its campaign was paused then"
    if switch is None:
        return "it was resumed since"
    return f"{switch.by} did so on {switch.since:%Y-%m-%d %H:%M} UTC: {switch.because}"
