"""A rehearsal: a run's messages, judged by the gate and rendered, but not sent.

The gate looks instead of claiming (`Gate.look`), by the same facts and with the same verdict.
Templates are rendered with a key of no installation, so that links in a preview open nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from sojourn.domain.calls import Asked, Question, Reply
from sojourn.domain.caps import Slot
from sojourn.domain.content import Content
from sojourn.domain.errors import BadInput, NothingToSay, TemplateError
from sojourn.domain.events import Event
from sojourn.domain.events.samples import made_up
from sojourn.domain.messages import Channel, Delivery, MessageClass, Reason, Receipt, Status
from sojourn.domain.policy import Allow, Defer, Skip
from sojourn.domain.sayings import Saying
from sojourn.domain.states import MessageState
from sojourn.domain.tasks import Closing, Opening, TaskStand, TaskState
from sojourn.domain.verdict import Doubt, Late, Ruling, Verdict
from sojourn.project import Project
from sojourn.rendering.faults import reason_for
from sojourn.rendering.render import Renderer
from sojourn.sending.asking import answered
from sojourn.sending.drafting import context_of
from sojourn.sending.gate import Gate
from sojourn.sending.gathering import Gathered
from sojourn.store import Store
from sojourn.store.tables import LedgerRow

UNTIL_SOMEBODY_ACTS = (Reason.HELD_BACK, Reason.PAUSED)
"""Reasons of holds with an unknown end, which are assumed to last."""
_ONE_SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class Hold:
    """A hold of a message: its end, its reason, and the rules that hold it, in words."""

    until: datetime
    reason: Reason
    detail: str = ""


@dataclass
class Rehearsed:
    """A message that was rehearsed.

    Args:
        delivery: the message as its run asks for it.
        at: when it was decided on, by the journey's clock.
        status: its fate.
        reason: why it is not sent.
        detail: the reason with the values that it was judged by.
        channel: the channel by which it leaves, or would have.
        address: the address that it would go to.
        content: the content that the customer would read; None if it is not sent, or the ledger has
            its text.
        holds: the holds that come first, in their order.
        row: its row of the ledger, if it was decided on already.
    """

    delivery: Delivery
    at: datetime
    status: Status
    reason: Reason | None = None
    detail: str = ""
    channel: Channel | None = None
    address: str = ""
    content: Content | None = None
    holds: list[Hold] = field(default_factory=list)
    row: LedgerRow | None = None


class Rehearsal:
    """The desk of a rehearsed run, which answers its verbs.

    Args:
        store: the open store.
        gate: the gate of this installation.
        renderer: a renderer whose links nobody can follow.
        project: has the activities.
        start: the event that enrols the customer.
        now: the present, by the journey's clock; overdue messages are decided on at this moment.

    Attributes:
        messages: the messages rehearsed so far, in their order.
        called: the names of activities that would be called, and whose results are made up.
        said: the events and notes that the steps would have stored.
        asked: True if the steps asked a question.
    """

    def __init__(
        self,
        store: Store,
        gate: Gate,
        renderer: Renderer,
        project: Project,
        *,
        start: Event,
        now: datetime,
    ) -> None:
        self.messages: list[Rehearsed] = []
        self.called: dict[str, None] = {}
        self.said: list[str] = []
        self.asked = False
        self._store = store
        self._gate = gate
        self._renderer = renderer
        self._project = project
        self._start = start
        self._now = now
        self._slots: list[Slot] = []
        self._held: dict[str, list[Hold]] = {}

    async def send(self, delivery: Delivery) -> tuple[Receipt, datetime]:
        """Judge a message as the gate does, and render it if it may leave."""
        at = max(delivery.now, self._now)
        gathered, verdict = await self._gate.look(delivery, at, slots=self._slots)
        if isinstance(verdict, Late):  # no run has waited by another plan than the present one
            delivery = delivery.model_copy(update={"useful_for": None})
            gathered, verdict = await self._gate.look(delivery, at, slots=self._slots)
        return await self._decided(delivery, at, gathered, verdict)

    async def call(self, asked: Asked) -> Reply:
        """Make up a result: a preview calls nothing."""
        self.called[asked.activity] = None
        activity = self._project.activities[asked.activity]
        try:
            result = made_up(activity.returns, now=asked.now)
        except BadInput:
            return Reply(failure="Preview")
        return Reply(result=activity.written_result(result))

    async def ask(self, asked: Question) -> Reply:
        """Answer from the present contents of the store."""
        self.asked = True
        async with self._store.reading() as session:
            return await answered(session, asked, self._project.topics.own)

    async def say(self, said: Saying, summary: str) -> bool:
        """Only note the statement: a preview stores nothing."""
        self.said.append(summary)
        return True

    async def task(self, said: Opening | Closing) -> TaskStand:
        """Ask nobody: in a preview no answer comes."""
        if isinstance(said, Opening):
            self.said.append(f"ask a person: {said.text}")
            return TaskStand(state=TaskState.OPEN, task=said.task)
        return TaskStand(state=TaskState.EXPIRED)

    async def _decided(
        self, delivery: Delivery, at: datetime, gathered: Gathered, verdict: Verdict
    ) -> tuple[Receipt, datetime]:
        match verdict:
            case Receipt(status=Status.DEFERRED):
                return verdict, at  # another channel takes it
            case Receipt():
                row = gathered.rows[-1] if gathered.rows else None
                decided = row.decided_at if row else at
                self._note(delivery, decided, verdict, row=row)
                return verdict, decided
            case Doubt(channel=channel):
                row = gathered.rows[-1]
                receipt = Receipt(status=Status.UNKNOWN, channel=channel)
                self._note(delivery, row.decided_at, receipt, row=row)
                return receipt, row.decided_at
            case Ruling(decision=Defer(until, reason, detail)):
                return self._hold(delivery, until, reason, detail, gathered), at
            case Ruling(decision=Skip(reason, detail), news=news):
                receipt = Receipt(
                    status=Status.SKIPPED, reason=reason, news=news, timezone=gathered.case.timezone
                )
                row = _noted(gathered, reason)  # a skip that an event caused is decided once more
                decided = row.decided_at if row else at
                self._note(delivery, decided, receipt, detail=detail, row=row)
                return receipt, decided
            case Ruling(decision=Allow(channel)):
                receipt = await self._rendered(delivery, at, gathered, channel)
                return receipt, at
        raise AssertionError(verdict)

    def _hold(
        self, delivery: Delivery, until: datetime, reason: Reason, detail: str, gathered: Gathered
    ) -> Receipt:
        if reason in UNTIL_SOMEBODY_ACTS:
            until = max(until, delivery.useful_until + _ONE_SECOND)
        holds = self._held.setdefault(delivery.message_id, [])
        holds.append(Hold(until, reason, detail))
        return Receipt(
            status=Status.DEFERRED, reason=reason, until=until, timezone=gathered.case.timezone
        )

    async def _rendered(
        self, delivery: Delivery, at: datetime, gathered: Gathered, channel: Channel
    ) -> Receipt:
        draft = await self._gate.draft(gathered, channel, self._start)
        if self._start.message_id not in [one.message_id for one in draft.history]:
            draft = replace(draft, history=[*draft.history, self._start])  # it may not be stored
        moved = delivery.model_copy(update={"now": at})
        content, fault = None, ""
        reason: Reason | None = None
        status = Status.SENT
        try:
            content = self._renderer.render(context_of(moved, draft, reference=""), channel)
        except NothingToSay as declined:
            status, reason = Status.SKIPPED, reason_for(declined)
            fault = declined.why
        except TemplateError as error:
            status, reason, fault = Status.REJECTED, Reason.TEMPLATE, str(error)
        if content is not None and channel is Channel.WHATSAPP:
            content = content.free() if draft.may_write_freely else content
            if not (draft.may_write_freely or content.approved):
                status, reason, content = Status.REJECTED, Reason.WINDOW_CLOSED, None
        receipt = Receipt(
            status=status,
            reason=reason,
            channel=channel,
            timezone=gathered.case.timezone,
            at=at if status is Status.SENT else None,
        )
        self._note(delivery, at, receipt, detail=fault, content=content, address=draft.address)
        if status is Status.SENT and delivery.message_class is MessageClass.PROMOTIONAL:
            self._slots.append(_slot(delivery, at, channel))
        return receipt

    def _note(
        self,
        delivery: Delivery,
        at: datetime,
        receipt: Receipt,
        *,
        detail: str = "",
        content: Content | None = None,
        address: str = "",
        row: LedgerRow | None = None,
    ) -> None:
        self.messages.append(
            Rehearsed(
                delivery=delivery,
                at=at,
                status=receipt.status,
                reason=receipt.reason,
                detail=detail or (row.detail or "" if row else ""),
                channel=receipt.channel,
                address=address,
                content=content,
                holds=self._held.pop(delivery.message_id, []),
                row=row,
            )
        )


def _noted(gathered: Gathered, reason: Reason) -> LedgerRow | None:
    """Return the message's row if it was already skipped for this reason."""
    row = gathered.rows[-1] if gathered.rows else None
    is_it = row is not None and (row.state, row.reason) == (MessageState.SKIPPED, reason)
    return row if is_it else None


def _slot(delivery: Delivery, at: datetime, channel: Channel) -> Slot:
    return Slot(
        at,
        delivery.journey,
        delivery.step,
        channel,
        delivery.topic,
        delivery.due,
        delivery.message_id,
        delivery.counted_as,
    )


def held_for_good(holds: Sequence[Hold]) -> bool:
    """Tell whether a message has a hold with an unknown end."""
    return any(hold.reason in UNTIL_SOMEBODY_ACTS for hold in holds)
