"""The states of a message and of its attempts, as the ledger and the attempts table keep them.

A message's states move one way::

    deferred ─► claimed ─► submitting ─► sent | rejected | unknown
        └──────────┴─► skipped | rejected | expired
    unknown ─► sent | expired   (its worker's own late word, a report, an operator)

Every message of a run in shadow is ``shadow`` from its first decision on, and nothing moves it from
there: a count of messages by their states has none of them. The state that it would have is kept
beside that (`store.tables.LedgerRow.would`).

An attempt's end may become known late::

    submitting ─► accepted | refused | released | ambiguous
    ambiguous ──► accepted | released   (looked up, reported)
        └───────► superseded ─► the same, once it is known   (handed over once more meanwhile)
"""

from enum import StrEnum


class MessageState(StrEnum):
    """A message's state in the ledger; docs/reasons.md explains the settled ones."""

    DEFERRED = "deferred"
    """Held: the gate is asked again at the hold's end."""
    CLAIMED = "claimed"
    """An attempt may hand it over."""
    SUBMITTING = "submitting"
    """An attempt hands it over, or died over it."""
    SENT = "sent"
    SKIPPED = "skipped"
    REJECTED = "rejected"
    EXPIRED = "expired"
    UNKNOWN = "unknown"
    """Perhaps sent: the answer was lost, and nothing can settle it."""
    SHADOW = "shadow"
    """Its run is in shadow: it is decided on like any, and never handed over."""


WAITING = (MessageState.DEFERRED, MessageState.CLAIMED, MessageState.SUBMITTING)
SETTLED = (
    MessageState.SENT,
    MessageState.SKIPPED,
    MessageState.REJECTED,
    MessageState.UNKNOWN,
    MessageState.EXPIRED,
)


class AttemptState(StrEnum):
    """An attempt's end, as far as it is known."""

    SUBMITTING = "submitting"
    """No answer yet, or its worker died."""
    ACCEPTED = "accepted"
    REFUSED = "refused"
    RELEASED = "released"
    """Certainly not sent: the next attempt may."""
    AMBIGUOUS = "ambiguous"
    """No clear answer: perhaps sent."""
    SUPERSEDED = "superseded"
    """A later attempt took over before this one's end was known."""


UNRESOLVED = (AttemptState.SUBMITTING, AttemptState.AMBIGUOUS, AttemptState.SUPERSEDED)
"""The message may be out by an attempt in one of these states."""


class CouponState(StrEnum):
    """The fate of a coupon's code; docs/coupons.md tells how it moves."""

    FREE = "free"
    """It goes to the next message that takes one."""
    RESERVED = "reserved"
    """A message has it: it was sent, may have been, or is still to leave."""
    USED = "used"
    """An order named it."""
    RETIRED = "retired"
    """Its message did not go, and a provider has seen it: nobody else gets it."""
    WITHDRAWN = "withdrawn"
    """An operator took it out before anybody had it."""


class AnswerState(StrEnum):
    """The fate of our answer to a customer's STOP, START or HELP."""

    WAITING = "waiting"
    CLAIMED = "claimed"
    """About to leave. It stays claimed if its worker died: perhaps sent, and not sent again."""
    SENT = "sent"
    UNKNOWN = "unknown"
    """The provider's answer was lost: perhaps sent, and not sent again."""
    DROPPED = "dropped"
    """It was not sent, and never will be."""
