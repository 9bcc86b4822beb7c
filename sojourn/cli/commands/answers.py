"""``sojourn answers``: our answers to STOP, START and HELP, and what became of them."""

from typing import Annotated

import typer

from sojourn.cli.here import Here
from sojourn.cli.options import AsJson, Limit
from sojourn.cli.output import show_json, show_line, show_list
from sojourn.cli.running import run
from sojourn.insight.letters import unknown_customer
from sojourn.store import answers, cards
from sojourn.store.tables import AnswerRow

app = typer.Typer(add_completion=False)


@app.command()
def list_answers(
    customer: Annotated[
        str | None,
        typer.Argument(metavar="[CUSTOMER]", help="Only those to this customer, for an hour."),
    ] = None,
    *,
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """List our answers to STOP, START and HELP, newest first, and what became of each.

    An hour after the reply, the store no longer knows who got an answer.
    """
    run(_list(Here.compose(), customer, limit, as_json=as_json))


async def _list(here: Here, customer: str | None, limit: int, *, as_json: bool) -> None:
    async with here.store() as store, store.reading() as session:
        who = None
        if customer is not None:
            if (card := await cards.find(session, customer)) is None:
                raise unknown_customer(customer)
            who = card.customer_id
        rows = await answers.listed(session, who, limit=limit)
    if as_json:
        show_json([_values(row) for row in rows])
        return
    if not rows:
        show_line("no answers" if who is None else f"no answers to {who} in the last hour")
        return
    show_list(
        ["id", "reply (UTC)", "word", "by", "customer", "answer", "why", "language", "carrier"],
        [
            (
                row.id,
                row.at,
                row.meaning.upper(),
                row.channel,
                row.customer_id or "not known",
                row.state,
                (row.reason or "").replace("_", " "),
                row.language,
                row.carrier or "",
            )
            for row in rows
        ],
    )


def _values(row: AnswerRow) -> dict[str, object]:
    return {
        "id": row.id,
        "at": row.at,
        "customer_id": row.customer_id or None,
        "channel": row.channel,
        "meaning": row.meaning,
        "language": row.language or None,
        "state": row.state,
        "reason": row.reason,
        "tried_at": row.tried_at,
        "settled_at": row.settled_at,
        "provider": row.provider,
        "carrier": row.carrier,
        "provider_id": row.provider_id,
    }
