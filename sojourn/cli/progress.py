"""Show the progress of a file, and its bad lines."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from sojourn.cli.output import stderr
from sojourn.cli.records import BadLine


@contextmanager
def progress(label: str, total: int | None) -> Iterator[Callable[[], None]]:
    """Show a bar on standard error during the block; call the yielded value once for each line."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=stderr, transient=True, disable=not stderr.is_terminal) as bar:
        task = bar.add_task(label, total=total)
        yield lambda: bar.advance(task)


def counting() -> Progress:
    """Return bars on standard error for several things that are played, one below the other."""
    return Progress(
        TextColumn("{task.description:>6}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=stderr,
    )


@contextmanager
def told_how_far(say: Callable[[], str]) -> Iterator[None]:
    """Say how far the block got if it does not reach its end, such as after Ctrl-C.

    Args:
        say: returns the line to print; an empty one is not printed.
    """
    try:
        yield
    except (asyncio.CancelledError, Exception):
        if said := say():
            stderr.print(said, markup=False, highlight=False, soft_wrap=True)
        raise


def list_bad(lines: Sequence[BadLine]) -> str:
    """Return the bad lines and their reasons, one per line."""
    return "\n".join(f"  line {bad.line}: {bad.reason}" for bad in lines)
