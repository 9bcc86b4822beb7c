"""``sojourn ledger``: every message that was decided on; show one, settle what is unknown."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any

import typer

from sojourn.cli.app import app, run
from sojourn.cli.by_hand import ANYBODY, By, Why, check_words
from sojourn.cli.output import Limit, show_json, show_line, show_list
from sojourn.composing import project_settings
from sojourn.domain.errors import BadInput, UnknownName
from sojourn.domain.messages import Channel, Reason
from sojourn.domain.reasons import explain
from sojourn.domain.states import SETTLED, WAITING, MessageState
from sojourn.insight.attempts import Course, course_of, lines
from sojourn.insight.letters import unknown_customer
from sojourn.store import Store, attempts, cards, reports, settling, suppressions
from sojourn.store.ledger import found, listed
from sojourn.store.tables import ContentRow, LedgerRow

group = typer.Typer()
app.add_typer(group, name="ledger")

STATES = (*WAITING, *SETTLED)

Name = Annotated[
    str, typer.Argument(metavar="REFERENCE", help="The message's reference, or its number here.")
]
AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]


class Verdict(StrEnum):
    """What an operator found out."""

    SENT = "sent"
    NOT_SENT = "not-sent"


@group.callback(invoke_without_command=True)
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
    """List messages that were decided on, newest first, and what became of them."""
    if context.invoked_subcommand is not None:
        if any((state, customer, as_json)):
            raise BadInput(f"write options after {context.invoked_subcommand}, not before it")
        return
    if state is not None and state not in STATES:
        raise UnknownName("state", state, STATES)

    async def work(store: Store) -> None:
        async with store.reading() as session:
            held_by = None
            if customer is not None:
                known = await cards.find(session, customer)
                if known is None:
                    raise unknown_customer(customer)
                held_by = known.customer_id
            rows = await listed(
                session,
                state=MessageState(state) if state else None,
                customer_id=held_by,
                limit=limit,
            )
        if as_json:
            show_json([_facts(row) for row in rows])
        else:
            _list(list(rows), limit)

    run(_with_store(work))


@group.command()
def show(name: Name, *, as_json: AsJson = False) -> None:
    """Show all that is known of one message: its attempts, and what the provider told of it."""

    async def work(store: Store) -> None:
        async with store.reading() as session:
            row = await _found(found(session, name), name)
            assert row.id is not None
            content = await session.get(ContentRow, row.id)
            pairs = [(Channel(row.channel), content.address)] if content else []
            course = course_of(
                (await attempts.of_messages(session, [row.id]))[row.id],
                (await reports.of_messages(session, [row.id]))[row.id],
                suppressed=bool(await suppressions.suppressed(session, pairs)),
            )
        if as_json:
            show_json(_everything(row, content, course))
        else:
            _show(row, content, course)

    run(_with_store(work))


@group.command()
def settle(
    name: Name,
    verdict: Annotated[Verdict, typer.Argument(help="Whether it went out.")],
    *,
    why: Why,
    by: By = ANYBODY,
) -> None:
    """Say what became of an unknown message, for the record: nothing is sent because of it."""
    check_words(why, by)

    async def work(store: Store) -> None:
        async with store.transaction() as session:
            row = await _found(found(session, name, hold=True), name)
            await settling.settle_by_hand(
                session,
                row,
                sent=verdict is Verdict.SENT,
                because=why,
                by=by,
                now=datetime.now(UTC),
            )
        show_line(f"message {row.id} is {row.state}")

    run(_with_store(work))


async def _found(asked: Awaitable[LedgerRow | None], name: str) -> LedgerRow:
    row = await asked
    if row is None:
        raise UnknownName("message", name, hint="`sojourn ledger` lists their numbers")
    return row


async def _with_store(work: Callable[[Store], Awaitable[None]]) -> None:
    store = await Store.open(project_settings().store_url)
    try:
        await work(store)
    finally:
        await store.close()


def _facts(row: LedgerRow) -> dict[str, Any]:
    """One line of the list."""
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
        "reason": row.reason,
        "progress": row.progress,
        "attempt": row.attempt,
        "possible_duplicate": row.possible_duplicate,
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
                "perhaps" if row.possible_duplicate else "",
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
        "twice": "it may have arrived twice" if row.possible_duplicate else None,
    }
    for name, value in facts.items():
        if value:
            show_line(f"{name:<11} {value}")
    shown = lines(course.attempts, course.reports, "UTC", day=row.decided_at)
    if shown:
        show_line("\nAttempts and reports (UTC)", style="bold")
    for line in shown:
        show_line(f"  {line}")
    if row.state is MessageState.UNKNOWN:
        show_line(
            f'\n`sojourn ledger settle {row.id} sent --why "..."`, or not-sent, notes what you find'
        )


def _standing(row: LedgerRow) -> str:
    """State and progress in one word or two."""
    return f"{row.state}, {row.progress}" if row.progress else row.state


def _subject(content: ContentRow | None) -> str | None:
    """What stands out of it, where there is a subject or a title."""
    if content is None:
        return None
    return content.content.get("subject") or content.content.get("title")
