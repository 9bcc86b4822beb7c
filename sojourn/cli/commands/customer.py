"""``sojourn customer``: the rights of one customer: export, restriction, erasure."""

import sys
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from typing import Annotated

import typer

from sojourn.cli.by_hand import ANYBODY, check_words
from sojourn.cli.here import Here
from sojourn.cli.options import AsJson, By, Limit, Why
from sojourn.cli.output import show_counts, show_json, show_line, show_list
from sojourn.cli.running import run
from sojourn.domain.errors import StoreUnavailable, TemporalUnavailable, Unavailable
from sojourn.home import private_file
from sojourn.insight.letters import unknown_customer
from sojourn.store import cards, kin, people, restrictions
from sojourn.store.rights import erasing
from sojourn.store.rights import erasures as proofs
from sojourn.store.rights.exporting import exported, known_person
from sojourn.store.tables import ErasureRow

app = typer.Typer(add_completion=False, no_args_is_help=True)

CustomerId = Annotated[str, typer.Argument(metavar="CUSTOMER", help="Any id of the customer.")]


@app.callback()
def customer() -> None:
    """Tell, restrict or erase what is held of one customer."""


@app.command()
def export(
    customer_id: CustomerId,
    *,
    file: Annotated[
        Path | None,
        typer.Option("--to", metavar="FILE", help="Write it there, for its owner alone."),
    ] = None,
) -> None:
    """Write everything that is held about a customer, as JSON; docs/rights.md describes it."""
    run(_export(Here.compose(), customer_id, file))


@app.command()
def restrict(
    customer_id: CustomerId,
    *,
    why: Why,
    by: By = ANYBODY,
    lift: Annotated[bool, typer.Option("--lift", help="Use the data again.")] = False,
) -> None:
    """Keep a customer's data but stop using them: no message of any class is sent."""
    here = Here.compose()
    check_words(why, by, here.project)
    run(_restrict(here, customer_id, why, by, lift=lift))


@app.command()
def erase(
    customer_id: CustomerId,
    *,
    why: Annotated[
        str, typer.Option("--why", help="Kept as the proof; no word about the person.")
    ] = "",
    by: By = ANYBODY,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Count what would be erased; change nothing.")
    ] = False,
    rewrite: Annotated[
        bool,
        typer.Option(
            "--rewrite", help="Write PostgreSQL's tables afresh at once; locks them meanwhile."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Erase a customer for good: data, runs and their histories. Later calls change nothing."""
    here = Here.compose()
    if dry_run:
        run(_count(here, customer_id, as_json=as_json))
        return
    check_words(why, by, here.project)
    run(_erase(here, customer_id, why, by, rewrite=rewrite, as_json=as_json))


@app.command()
def erasures(
    *,
    everything: Annotated[bool, typer.Option("--all", help="Finished ones as well.")] = False,
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """List the erasures that are not finished, newest first; with --all, their proofs."""
    run(_erasures(Here.compose(), limit, everything=everything, as_json=as_json))


async def _count(here: Here, customer_id: str, *, as_json: bool) -> None:
    async with here.store() as store, store.reading() as session:
        person = await known_person(session, customer_id)
        counts = {name: n for name, n in (await erasing.counted(session, person)).items() if n}
        kin_ids = await kin.of(session, *await people.find(session, person.ids[0]))
    if as_json:
        show_json({"ids": person.ids, "counts": counts, "sharing_an_address": kin_ids})
        return
    show_line(f"would be erased of {', '.join(person.ids)}:")
    show_counts(counts)
    if kin_ids:
        show_line(
            f"not erased, though they share an address: {', '.join(kin_ids)}; "
            "if they are the same person, erase them, too"
        )


async def _erase(
    here: Here, customer_id: str, why: str, by: str, *, rewrite: bool, as_json: bool
) -> None:
    from sojourn.dispatch import erasing as to_the_end  # noqa: PLC0415 (Temporal's client is slow)

    async with here.store() as store:
        async with store.reading() as session:
            if await cards.find(session, customer_id) is None:
                raise unknown_customer(customer_id)
        row, new = await to_the_end.ask(store, customer_id, why=why, by=by)
        number, later = row.id or 0, ""
        try:
            client = await here.temporal()
            if not await to_the_end.finish_soon(
                store, client, number, here.settings.home, rewrite=rewrite
            ):
                later = "Temporal, or a message that is being handed over, needs more time"
        except (TemporalUnavailable, StoreUnavailable) as error:
            later = str(error)
        async with store.reading() as session:
            row = (await session.get(ErasureRow, number)) or row
    if as_json:
        show_json(_proof(row))
        return
    if not new:
        show_line(f"{customer_id}: erased before, {row.asked_at:%Y-%m-%d %H:%M} UTC")
    else:
        show_line(f"{customer_id}: erased, nothing is sent and nothing comes back")
        show_counts(row.counts)
    if later:
        show_line(f"not finished: {later}. A worker goes on; `sojourn customer erasures` lists it")


async def _erasures(here: Here, limit: int, *, everything: bool, as_json: bool) -> None:
    async with here.store() as store, store.reading() as session:
        rows = await proofs.listed(session, everything=everything, limit=limit)
    if as_json:
        show_json([_proof(row) for row in rows])
        return
    if not rows:
        show_line("no erasures" if everything else "no unfinished erasures")
        return
    show_list(
        ["id", "asked", "by", "why", "finished", "files free", "tries", "dropped since", "missing"],
        [
            (
                row.id,
                row.asked_at,
                row.by,
                row.why,
                row.finished_at,
                row.scrubbed_at,
                row.tries,
                row.dropped,
                row.fault,
            )
            for row in rows
        ],
    )


def _proof(row: ErasureRow) -> dict[str, object]:
    return {
        "id": row.id,
        "customer": row.customer,
        "asked_at": row.asked_at,
        "by": row.by,
        "why": row.why,
        "finished_at": row.finished_at,
        "counts": row.counts,
        "dropped": row.dropped,
        "tries": row.tries,
        "fault": row.fault,
        "files_free_at": row.scrubbed_at,
    }


async def _restrict(here: Here, customer_id: str, why: str, by: str, *, lift: bool) -> None:
    async with here.store() as store, store.transaction() as session:
        await known_person(session, customer_id)
        if lift:
            await restrictions.lift(session, customer_id, why=why, by=by)
            answer = "the data are used again; what was skipped is not sent"
        else:
            since = await restrictions.begin(session, customer_id, why=why, by=by)
            answer = f"restricted since {since:%Y-%m-%d %H:%M} UTC, nothing is sent"
    show_line(f"{customer_id}: {answer}")


async def _export(here: Here, customer_id: str, file: Path | None) -> None:
    async with (
        here.store() as store,
        store.reading() as session,
        aclosing(exported(session, customer_id)) as parts,
    ):
        if file is None:
            async for part in parts:
                sys.stdout.write(part)
            return
        await _write(file, parts)
    show_line(f"{file}: everything that is held of {customer_id}")


async def _write(file: Path, parts: AsyncGenerator[str]) -> None:
    """Write a file that gets its name once it is complete; half of one has another name."""
    first = await anext(parts)  # an unknown customer raises before a file exists
    half = file.with_name(f"{file.name}.part")
    try:
        private_file(half)
        with half.open("w", encoding="utf-8") as out:
            out.write(first)
            async for part in parts:
                out.write(part)
        half.replace(file)
    except OSError as error:
        half.unlink(missing_ok=True)
        raise Unavailable(f"cannot write {file}: {error.strerror}") from None
