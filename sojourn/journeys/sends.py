"""`Sends`: the verb `send`. One activity a message; a hold of the gate is a wait of the run."""

from datetime import UTC, datetime
from functools import partial
from typing import Any, ClassVar

from sojourn.domain.keys import plain
from sojourn.domain.message import Message
from sojourn.domain.messages import Channel, Delivery, Reason, Receipt, Status
from sojourn.journeys import wording
from sojourn.journeys.journal import Done
from sojourn.journeys.state import State
from sojourn.journeys.terms import names
from sojourn.journeys.waits import Waits

NEVER = datetime.min.replace(tzinfo=UTC)
"""Stands for the moments of a message that no run has asked for yet."""


class Sends(Waits):
    """A run that writes to its customer."""

    _deliveries: ClassVar[dict[tuple[Message, str], Delivery]]
    """The messages of the class, with nothing of a run in them."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._deliveries = {}

    async def send(
        self, message: Message, *, until: datetime | None = None, **given: Any
    ) -> Receipt:
        """Send a message, held over quiet hours if need be.

        It falls due when the wait before it ends, and is worth sending for ``message.useful_for``
        after that. If that moment was past before its wait began, the message is skipped.

        Args:
            message: an attribute of the class.
            until: from this moment on, what the message says is no longer true: it is not sent,
                whatever held it. None: `useful_for` alone counts.
            given: values for its template, as ``given.code``: nothing personal, because the
                history keeps them.

        Returns:
            What became of it.
        """

        async def perform() -> Done:
            state = self._state
            n = state.sends + 1
            try:
                receipt = await self._send_as(n, message, until, given)
            finally:  # but a run that continues as new while it holds the message asks again as n
                state.sends = n
            return Done(due=state.due, missed=state.journal.plan.missed, value=receipt)

        value = (await self._once(f"send {message.step}", perform)).value
        return value if isinstance(value, Receipt) else Receipt.model_validate(value)

    async def _send_as(
        self,
        n: int,
        message: Message,
        until: datetime | None = None,
        given: dict[str, Any] | None = None,
    ) -> Receipt:
        state = self._state
        channel = message.channels[0]
        summary = wording.sending(message)
        while True:
            self._tell(lambda: summary)
            ended = state.holds_ended
            delivery = self._delivery(n, message, channel, until, given or {})
            state.sending = True
            try:
                receipt = await self._runtime.send(delivery, summary)
            finally:
                state.sending = False
            state.zone = receipt.timezone or state.zone
            if receipt.due is not None:
                state.journal.fell_due(receipt.due)
            if receipt.reason is Reason.OTHER_CHANNEL:
                assert receipt.channel is not None
                channel = receipt.channel
                self._leave_if_due()
                continue
            if receipt.status is Status.DEFERRED:
                assert receipt.until is not None
                why = receipt.reason or Reason.QUIET_HOURS
                held = partial(
                    wording.held, message, receipt.until, state.zone, why, self.terms.goal
                )
                await self._wait_until(
                    receipt.until, held, wake=partial(state.has_ended_a_hold, since=ended)
                )
                continue
            if receipt.news is not None:
                state.take_from_gate(receipt.news, receipt.reason)
                if not state.is_interrupted():
                    continue  # it changes nothing for this journey: ask again, knowing it
            state.record(message, receipt, self.now())
            self._leave_if_due()
            return receipt

    def _delivery(
        self,
        n: int,
        message: Message,
        channel: Channel,
        until: datetime | None,
        given: dict[str, Any],
    ) -> Delivery:
        """Return a message of this run, as the gate is asked for it."""
        state, run = self._state, self._state.enrolment
        due, now, missed = state.due, self.now(), state.journal.plan.missed
        useful_until = due if missed else due + message.useful_for
        return self._of_any_run(message, run.start.name).model_copy(
            update={
                "workflow_id": self._runtime.run_id,
                "customer_id": run.customer_id,
                "key": run.key,
                "enrolment": run.start.id,
                "n": n,
                "channel": channel,
                "due": due,
                "useful_until": useful_until if until is None else min(useful_until, until),
                "useful_for": message.useful_for if state.replans and not missed else None,
                "true_until": until,
                "counted_as": _counted_as(message, state),
                "now": now,
                "start": run.start.order,
                "latest": state.latest.order,
                "timezone": state.zone,
                "given": given,
                "cause": state.cause.id,
                "occurrence": 1 + state.journal.times(f"send {message.step}"),
                "begun": state.begun,
                "variant": state.variant,
                "shadow": run.start.shadow,
            }
        )

    @classmethod
    def _of_any_run(cls, message: Message, start: str) -> Delivery:
        """Return the part of a message that is alike in all runs. It is checked once for a class.

        Args:
            message: of the journey.
            start: the wire name of the event that began the run.

        Returns:
            The message, with nothing of a run in it.
        """
        asked = (message, start)
        known = cls._deliveries.get(asked)
        if known is None:
            known = cls._deliveries[asked] = _made(cls, message.of(cls.topic), start)
        return known


def _made(journey: type[Sends], message: Message, start: str) -> Delivery:
    terms, reach, place = journey.terms, journey.terms.reach, (NEVER, 0)
    return Delivery(
        workflow_id="",
        journey=journey.name,
        customer_id="",
        key="",
        key_field=terms.key,
        enrolment="",
        n=0,
        step=message.step,
        template=message.words,
        channels=message.channels,
        message_class=message.message_class,
        topic=message.topic,
        due=NEVER,
        useful_until=NEVER,
        within=message.within,
        at_most=message.at_most,
        at_cap=message.at_cap,
        now=NEVER,
        start=place,
        exact=terms.exact(start),
        latest=place,
        goals=names(terms.goal),
        ends=names(terms.ends_on),
        restarts=names(terms.moved_by),
        starts=reach.starts,
        any_key=reach.any_key,
        whole=reach.whole,
        known_by=reach.known_by,
        part_field=terms.part,
        in_parts=reach.in_parts,
        timezone="",
        coupon=message.coupon,
    )


def _counted_as(message: Message, state: State) -> str:
    """Return the value by which a message's limit counts, from the event that began the steps.

    An event that restarted them may not have the field; then the start's value counts.
    """
    key = message.at_most.key if message.at_most else ""
    for event in (state.cause, state.enrolment.start) if key else ():
        if value := plain(event.fields.get(key)):
            return value
    return ""
