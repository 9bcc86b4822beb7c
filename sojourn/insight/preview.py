"""`Preview`: the messages that a journey would send to a customer, and when. It changes nothing."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import BaseModel

from sojourn.domain.errors import UnknownName
from sojourn.domain.messages import Channel, Outcome, Reason, Status
from sojourn.domain.reasons import explain
from sojourn.insight.card import masked
from sojourn.insight.letters import unknown_customer
from sojourn.insight.rehearsal import Hold, Rehearsed, held_for_good
from sojourn.insight.rehearsing import Rehearsing, Run
from sojourn.journeys.journey import Journey
from sojourn.journeys.wording import clock
from sojourn.project import Project
from sojourn.settings import Settings
from sojourn.store import Store, cards

_CHANGES_NOTHING = "nothing else happens: no event, no word on consent, no change of the card"


class Held(BaseModel):
    """A hold before a message is decided on.

    Args:
        until: the end of the hold, by the journey's clock.
        reason: the reason, as in docs/reasons.md.
        text: the reason in words, with the rules that hold it.
    """

    until: datetime
    reason: Reason
    text: str


class Said(BaseModel):
    """A message of a preview.

    Args:
        step: its name.
        at: when it is decided on, by the journey's clock.
        due: when it falls due by the plan.
        decided: True if the ledger has it already.
        status: sent, skipped, rejected, expired or unknown.
        reason: why it is not sent.
        text: the fate in words.
        detail: the values or the rule that it was judged by; empty if there is no more to say.
        holds: the holds before that.
        channel: the channel by which it leaves.
        address: the address that it goes to, masked; empty if it does not leave.
        content: the content that the customer would read; None if it does not leave, or the ledger
            has it.
        number: its number in the ledger, if it was decided on.
    """

    step: str
    at: datetime
    due: datetime
    decided: bool
    status: Status
    reason: Reason | None
    text: str
    detail: str
    holds: list[Held]
    channel: Channel | None
    address: str
    content: dict[str, Any] | None
    number: int | None


class Preview(BaseModel):
    """The messages that a journey would send to a customer.

    Args:
        customer_id: the customer.
        journey: the journey.
        run: the workflow id of the run that is open, or would start.
        kind: ``open``: the run is open; ``supposed``: an event would start it.
        timezone: the customer's time zone.
        now: the moment from which it is a preview, by the journey's clock.
        start: the event that starts the run.
        started: when that happened, or would.
        verdict: the answer in one line.
        refused: why the event would start no run; None if it would start one.
        because: the same with the values that it was judged by.
        messages: the messages in their order.
        outcome: how the run would end; None: it would go on for more than two years.
        assumptions: the assumptions of the preview, in words.
    """

    customer_id: str
    journey: str
    run: str
    kind: Literal["open", "supposed"]
    timezone: str
    now: datetime
    start: str
    started: datetime
    verdict: str
    refused: Reason | None
    because: str
    messages: list[Said]
    outcome: Outcome | None
    assumptions: list[str]

    @property
    def next(self) -> Said | None:
        """The first message that is still to be decided on; None if there is none."""
        return next((one for one in self.messages if not one.decided), None)


async def preview(
    store: Store,
    settings: Settings,
    project: Project,
    customer_id: str,
    journey: str,
    *,
    at: datetime | None = None,
    step: str = "",
) -> Preview:
    """Preview a journey for a customer, without storing anything.

    Args:
        store: the open store.
        settings: the settings of the installation.
        project: has the journeys, events and templates.
        customer_id: any id of the customer.
        journey: the name of the journey.
        at: the present of the preview; None: now.
        step: only this message; empty: all.

    Returns:
        The preview of the run that is open, or that an event would start.

    Raises:
        UnknownName: there is no such customer, journey or message; the text offers the nearest.
        BadProject: the journey's steps fail.
    """
    kind = project.journeys.named(journey)
    check_step(kind, step)
    async with store.reading() as session:
        customer = await cards.find(session, customer_id)
    if customer is None:
        raise unknown_customer(customer_id)
    rehearsing = Rehearsing(store, settings, project)
    now = at or datetime.now(UTC)
    run = await rehearsing.open_run(kind, customer.customer_id, now)
    run = run or await rehearsing.new_run(kind, customer.customer_id, now)
    caps = rehearsing.policy().caps
    return shown(kind, customer.customer_id, run, step=step, caps=bool(caps.limits))


def check_step(journey: type[Journey], step: str) -> None:
    """Refuse a message that a journey does not have.

    Raises:
        UnknownName: it has no message with this name; the text offers the nearest.
    """
    known = dict.fromkeys(message.step for message in journey.messages)
    if step and step not in known:
        raise UnknownName(f"message of {journey.name}", step, known)


def shown(
    journey: type[Journey], customer_id: str, run: Run, *, step: str = "", caps: bool = False
) -> Preview:
    """Put a rehearsed run into words.

    Args:
        journey: its journey.
        customer_id: the customer.
        run: the run.
        step: only this message; empty: all.
        caps: the policy has caps.

    Returns:
        The preview.
    """
    messages = [
        _said(one, run.timezone) for one in run.desk.messages if step in ("", one.delivery.step)
    ]
    refused = run.refused
    result = run.played.result
    found = Preview(
        customer_id=customer_id,
        journey=journey.name,
        run=run.workflow_id,
        kind="open" if run.is_open else "supposed",
        timezone=run.timezone,
        now=run.now,
        start=run.start.event_name,
        started=run.start.occurred_at,
        verdict="",
        refused=refused.reason if refused else None,
        because=refused.because if refused else "",
        messages=messages,
        outcome=result.outcome if result else None,
        assumptions=[*_assumptions(run, caps=caps)],
    )
    return found.model_copy(update={"verdict": _verdict(found, step)})


def _said(one: Rehearsed, tz: str) -> Said:
    sent = one.status is Status.SENT
    delivery, content = one.delivery, one.content
    return Said(
        step=delivery.step,
        at=one.at,
        due=delivery.due,
        decided=one.row is not None,
        status=one.status,
        reason=one.reason,
        text=_fate(one, tz),
        detail="" if sent else one.detail,
        holds=[Held(until=h.until, reason=h.reason, text=_held(h, tz)) for h in one.holds],
        channel=one.channel,
        address=masked(one.address) if sent else "",
        content=content.filled() if content else None,
        number=one.row.id if one.row else None,
    )


def _fate(one: Rehearsed, tz: str) -> str:
    why = explain(one.reason) if one.reason else ""
    if one.row is not None:
        text = str(one.status) + (f" by {one.channel}" if one.channel else "")
    elif one.status is Status.SENT:
        text = f"would be sent by {one.channel}"
    elif held_for_good(one.holds):
        text = "would not be sent unless it is let go before its use ends"
        why = explain(one.holds[-1].reason)
    else:
        text = "would not be sent"
    because = f" because {why}" if why else ""
    return f"{text} {clock(one.at, tz)}{because}"


def _held(hold: Hold, tz: str) -> str:
    by = f": {hold.detail}" if hold.detail else ""
    return f"held until {clock(hold.until, tz)} because {explain(hold.reason)}{by}"


def _verdict(found: Preview, step: str) -> str:
    if found.refused is not None:
        because = f": {found.because}" if found.because else ""
        return f"{found.start} would start no run: {explain(found.refused)}{because}"
    ahead = [one for one in found.messages if not one.decided]
    if not ahead and step and found.messages:
        return f"{step}: {found.messages[-1].text}"
    if not ahead:
        return f"{step} does not come, as things stand" if step else "nothing more would be sent"
    leaves = next((one for one in ahead if one.status is Status.SENT), None)
    if leaves is None:
        first = ahead[0]
        detail = f": {first.detail}" if first.detail else ""
        return f"nothing would be sent; {first.step} {first.text}{detail}"
    return f"{leaves.step} {leaves.text}"


def _assumptions(run: Run, *, caps: bool) -> Iterator[str]:
    if run.is_open:
        began = clock(run.start.occurred_at, run.timezone)
        yield f"the run is on since {run.start.event_name}, {began}"
    else:
        made = f"; made up: {', '.join(run.made_up)}" if run.made_up else ""
        like = ", as the last one was" if run.like_the_last else ""
        yield f"{run.start.event_name} happens {clock(run.now, run.timezone)}{like}{made}"
    yield _CHANGES_NOTHING
    if run.desk.called:
        yield f"not called, with a made-up result: {', '.join(run.desk.called)}"
    if run.desk.said:
        yield f"not told, and not noted: {', '.join(run.desk.said)}"
    if run.desk.asked:
        yield "what the steps ask is answered by what is known now"
    if caps:
        yield "messages of other runs that nobody has decided on yet use no cap up"
    if run.played.result is None:
        yield f"looked at as far as {clock(run.played.waits[-1].began, run.timezone)}"
    yield "links and codes in the texts are made up"
