"""Messages that are neither sent nor skipped: few, and found without an index of the ledger.

The ledger has no index that a change of state would have to write (`tables.UnsentRow`). A query
for messages by their state has a condition from here beside the one on the ledger's own row.
"""

from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import BindParameter, ColumnElement
from sqlmodel import col, select

from sojourn.domain.states import MessageState
from sojourn.store.tables import LedgerRow, UnsentRow

_DONE = frozenset({MessageState.SENT, MessageState.SKIPPED})

IN_SHADOW = (MessageState.SHADOW,)
HELD = (MessageState.DEFERRED, *IN_SHADOW)
"""The states of messages that are held, or would be in shadow."""


def kept_as(states: Iterable[MessageState]) -> list[str]:
    """Return the states as these rows have them: a hand-over counts as a claim.

    Raises:
        ValueError: one of them is sent or skipped: no row here has it.
    """
    wanted = set(states)
    if not wanted.isdisjoint(_DONE):
        raise ValueError("sent and skipped messages stand in the ledger alone")
    claimed = {MessageState.CLAIMED if one is MessageState.SUBMITTING else one for one in wanted}
    return sorted(one.value for one in claimed)


def among(
    states: Iterable[MessageState],
    *,
    customers: Collection[str] | BindParameter[Any] | None = None,
    workflows: Collection[str] | None = None,
) -> ColumnElement[bool]:
    """Return the condition that a row of the ledger is one of these.

    It says nothing that a condition on the row's own state does not say; the database finds the
    rows by it.

    Args:
        states: neither sent nor skipped.
        customers: of these customers, or of those that a parameter names; None: of any.
        workflows: of these runs or campaigns, by workflow id; None: of any.

    Returns:
        The condition.
    """
    query = select(UnsentRow.ledger_id).where(col(UnsentRow.state).in_(kept_as(states)))
    if customers is not None:
        query = query.where(col(UnsentRow.customer_id).in_(customers))
    if workflows is not None:
        query = query.where(col(UnsentRow.workflow_id).in_(workflows))
    return col(LedgerRow.id).in_(query)
