"""``sojourn ledger``: every message that was decided on; show one, settle an unknown one."""

from collections.abc import Awaitable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any

import typer

from sojourn.cli.by_hand import ANYBODY, check_words
from sojourn.cli.here import Here
from sojourn.cli.options import AsJson, By, Limit, Why
from sojourn.cli.output import show_json, show_line, show_list
from sojourn.cli.running import run
from sojourn.domain.errors import BadInput, UnknownName
from sojourn.domain.messages import Channel, Reason
from sojourn.domain.reasons import explain
from sojourn.domain.states import SETTLED, WAITING, MessageState
from sojourn.insight.course import Course, course_of, lines
from sojourn.insight.fate import twice
from sojourn.insight.letters import unknown_customer
from sojourn.store import attempts, cards, handovers, reports, settling, suppressions
from sojourn.store import ledger as messages
from sojourn.store.tables import ContentRow, LedgerRow

app = typer.Typer(add_completion=False)

STATES = (*WAITING, *SETTLED, MessageState.SHADOW)

Name = Annotated[
    str, typer.Argument(metavar="REFERENCE", help="The message's reference, or its number here.")
]


class Verdict(StrEnum):
    """The finding of an operator."""

    SENT = "sent"
    NOT_SENT = "not-sent"


@app.callback(invoke_without_command=True)
def ledger(
    context: typer.Context,
    *,
    state: Annotated[
        str | None, typer.Option(metavar="STATE", help=f"Only these: {', '.join(STATES)}.")
    ] = None,
    customer: Annotated[str | None, typer.Option(help="Only of this customer.")] = None,
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """List the messages that were decided on, newest first, and what became of them."""
    if context.invoked_subcommand is not None:
        if any((state, customer, as_json)):
            raise BadInput(f"write options after {context.invoked_subcommand}, not before it")
        return
    if state is not None and state not in STATES:
        raise UnknownName("state", state, STATES)
    run(_ledger(Here.compose(), state, customer, limit, as_json=as_json))


@app.command()
def show(name: Name, *, as_json: AsJson = False) -> None:
    """Show one message with its attempts and the reports of its provider."""
    run(_show_one(Here.compose(), name, as_json=as_json))


@app.command()
def settle(
    name: Name,
    verdict: Annotated[Verdict, typer.Argument(help="Whether it went out.")],
    *,
    why: Why,
    by: By = ANYBODY,
) -> None:
    """Record the outcome of an unknown message. Nothing is sent because of it."""
    here = Here.compose()
    check_words(why, by, here.project)
    run(_settle(here, name, verdict, why, by))


async def _ledger(
    here: Here, state: str | None, customer: str | None, limit: int, *, as_json: bool
) -> None:
    async with here.store() as store, store.reading() as session:
        held_by = None
        if customer is not None:
            known = await cards.find(session, customer)
            if known is None:
                raise unknown_customer(customer)
            held_by = known.customer_id
        rows = await messages.listed(
            session, state=MessageState(state) if state else None, customer_id=held_by, limit=limit
        )
    if as_json:
        show_json([_facts(row) for row in rows])
    else:
        _list(list(rows), limit)


async def _show_one(here: Here, name: str, *, as_json: bool) -> None:
    async with here.store() as store, store.reading() as session:
        row = await _found(messages.found(session, name), name)
        assert row.id is not None
        content = await session.get(ContentRow, row.id)
        pairs = [(Channel(row.channel), content.address)] if content else []
        course = course_of(
            (await attempts.of_messages(session, [row.id]))[row.id],
            (await reports.of_messages(session, [row.id]))[row.id],
            (await handovers.of_messages(session, [row.id]))[row.id],
            suppressed=bool(await suppressions.suppressed(session, pairs)),
        )
    if as_json:
        show_json(_everything(row, content, course))
    else:
        _show(row, content, course)


async def _settle(here: Here, name: str, verdict: Verdict, why: str, by: str) -> None:
    async with here.store() as store, store.transaction() as session:
        row = await _found(messages.found(session, name, hold=True), name)
        await settling.settle_by_hand(
            session,
            row,
            sent=verdict is Verdict.SENT,
            because=why,
            by=by,
            now=datetime.now(UTC),
        )
    show_line(f"message {row.id} is {row.state}")


async def _found(asked: Awaitable[LedgerRow | None], name: str) -> LedgerRow:
    row = await asked
    if row is None:
        raise UnknownName("message", name, hint="`sojourn ledger` lists their numbers")
    return row


def _facts(row: LedgerRow) -> dict[str, Any]:
    """Return the facts on a message, as --json shows them."""
    return {
        "number": row.id,
        "reference": row.reference,
        "at": row.decided_at,
        "customer_id": row.customer_id,
        "journey": row.journey,
        "workflow_id": row.workflow_id,
        "step": row.step,
        "channel": row.channel,
        "provider": row.provider,
        "state": row.state,
        "would": row.would,
        "reason": row.reason,
        "progress": row.progress,
        "attempt": row.attempt,
        "possible_duplicate": row.possible_duplicate,
        "twice_at": row.twice_at,
        "settled_at": row.settled_at,
    }


def _everything(row: LedgerRow, content: ContentRow | None, course: Course) -> dict[str, Any]:
    return {
        **_facts(row),
        "ledger_key": row.ledger_key,
        "message_class": row.message_class,
        "topic": row.topic,
        "template": row.template,
        "due_at": row.due_at,
        "held_until": row.held_until,
        "caused_by": row.caused_by,
        "claimed_at": row.claimed_at,
        "submitted_at": row.submitted_at,
        "progress_at": row.progress_at,
        "provider_id": row.provider_id,
        "detail": row.detail,
        "coupon": row.coupon,
        "address": content.address if content else None,
        "subject": _subject(content),
        **course.model_dump(),
    }


def _list(rows: list[LedgerRow], limit: int) -> None:
    if not rows:
        show_line("no such message in the ledger")
        return
    show_list(
        ("id", "when (UTC)", "customer", "step", "channel", "provider", "state", "tries", "twice"),
        (
            (
                row.id,
                row.decided_at,
                row.customer_id,
                f"{row.journey}/{row.step}",
                row.channel,
                row.provider,
                _standing(row),
                row.attempt,
                "yes" if row.twice_at else "perhaps" if row.possible_duplicate else "",
            )
            for row in rows
        ),
    )
    if len(rows) == limit:
        show_line(f"the newest {limit}; --limit lists more")


def _show(row: LedgerRow, content: ContentRow | None, course: Course) -> None:
    reason = f" because {explain(Reason(row.reason))}" if row.reason else ""
    if course.by_operator:
        reason = ", as an operator found"
    facts = {
        "message": f"{row.id}, reference {row.reference}",
        "state": f"{_standing(row)}{reason}",
        "detail": row.detail,
        "when": f"{row.decided_at:%Y-%m-%d %H:%M} UTC, by the journey's clock",
        "to": f"{content.address} ({row.channel}), customer {row.customer_id}"
        if content
        else f"{row.channel}, customer {row.customer_id}",
        "from": f"{row.workflow_id}, step {row.step}",
        "carried by": " ".join(filter(None, (row.provider, row.provider_id))),
        "subject": _subject(content),
        "coupon": f"a code of the pool {row.coupon}" if row.coupon else None,
        "twice": twice(row),
    }
    for name, value in facts.items():
        if value:
            show_line(f"{name:<11} {value}")
    shown = lines(course.attempts, course.reports, "UTC", course.devices, day=row.decided_at)
    if shown:
        show_line("\nAttempts and reports (UTC)", style="bold")
    for line in shown:
        show_line(f"  {line}")
    if row.state == "unknown":
        show_line(
            f'\n`sojourn ledger settle {row.id} sent --why "..."`, or not-sent, notes what you find'
        )


def _standing(row: LedgerRow) -> str:
    """Name state and progress in one word or two; of a message in shadow, what it would be."""
    if row.state is MessageState.SHADOW:
        return f"{row.state}, would be {row.would}"
    return f"{row.state}, {row.progress}" if row.progress else row.state


def _subject(content: ContentRow | None) -> str | None:
    """Return the subject or the title, if the content has one."""
    if content is None:
        return None
    return content.content.get("subject") or content.content.get("title")
