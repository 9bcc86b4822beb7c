"""``sojourn customer``: the rights of one customer: to be told, restricted, erased."""

import sys
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from typing import Annotated

import typer

from sojourn.cli.here import Here
from sojourn.cli.output import show_line
from sojourn.cli.running import run
from sojourn.domain.errors import Unavailable
from sojourn.home import private_file

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
    """Write everything that is held of a customer, as JSON; docs/rights.md describes it."""
    run(_export(Here.compose(), customer_id, file))


async def _export(here: Here, customer_id: str, file: Path | None) -> None:
    from sojourn.store.rights.exporting import exported  # noqa: PLC0415 (only here is it needed)

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
    """Write a file whose name stands for a whole export: half of one has another name."""
    first = await anext(parts)  # an unknown customer makes no file
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
