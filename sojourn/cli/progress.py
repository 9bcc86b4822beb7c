"""Progress of a file, and its bad lines."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from sojourn.cli.output import stderr
from sojourn.cli.records import BadLine


@contextmanager
def progress(label: str, total: int | None) -> Iterator[Callable[[], None]]:
    """Show a bar on standard error while the block lasts; call its value once for each line."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=stderr, transient=True, disable=not stderr.is_terminal) as bar:
        task = bar.add_task(label, total=total)
        yield lambda: bar.advance(task)


@contextmanager
def told_how_far(say: Callable[[], str]) -> Iterator[None]:
    """Say how far the block got if it does not reach its end: Ctrl-C, a server gone.

    Args:
        say: returns the line; an empty one is not printed.
    """
    try:
        yield
    except (asyncio.CancelledError, Exception):
        if said := say():
            stderr.print(said, markup=False, highlight=False, soft_wrap=True)
        raise


def list_bad(lines: Sequence[BadLine]) -> str:
    """Write all of them, one a line."""
    return "\n".join(f"  line {bad.line}: {bad.reason}" for bad in lines)
