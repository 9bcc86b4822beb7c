"""``sojourn stop``: end runs; they send nothing more."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from sojourn.cli.by_hand import ANYBODY, check_words
from sojourn.cli.here import Here
from sojourn.cli.options import By, Why
from sojourn.cli.output import show_line
from sojourn.cli.running import run
from sojourn.domain.errors import TemporalUnavailable

app = typer.Typer(add_completion=False)


@app.command()
def stop(
    run_ids: Annotated[
        list[str], typer.Argument(metavar="RUN...", help="As `sojourn runs` shows them.")
    ],
    *,
    why: Why,
    by: By = ANYBODY,
) -> None:
    """End runs: they send nothing more, from the moment of the answer on.

    It also works while Temporal is down: the store refuses their messages, and the runs end once
    Temporal is back. A stop cannot be undone; a later event may start the journey again.
    """
    here = Here.compose()
    check_words(why, by, here.project)
    run(_stop(here, run_ids, why, by))


async def _stop(here: Here, run_ids: list[str], why: str, by: str) -> None:
    from sojourn.dispatch import stopping  # noqa: PLC0415 (Temporal's client is slow to load)

    customers = []
    async with here.store() as store:
        await stopping.check(store, run_ids)  # all of them, before any is stopped
        for run_id in run_ids:
            at = datetime.now(UTC)
            noted = await stopping.note(store, run_id, because=why, by=by, at=at)
            customers.append(noted.customer_id)
    try:
        async with here.sojourn() as sojourn:
            for customer_id in dict.fromkeys(customers):
                await sojourn.route(customer_id)
    except TemporalUnavailable as error:
        later = f"; it ends once Temporal is back ({error})"
    else:
        later = ""
    for run_id in run_ids:
        show_line(f"{run_id}: stopped, nothing more is sent{later}")
