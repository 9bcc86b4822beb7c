"""Several processes of one program, which live and end together."""

import asyncio
import multiprocessing
import multiprocessing.connection
import signal
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from types import FrameType
from typing import Any


def run_together(
    name: str,
    target: Callable[[int], tuple[Callable[..., None], tuple[Any, ...]]],
    count: int,
    *,
    on_start: Callable[[], None] = lambda: None,
) -> int:
    """Run ``count`` processes; stop them all when told to, or when one of them fails.

    Args:
        name: theirs, before a number.
        target: what the process with this number runs, and its arguments.
        count: how many.
        on_start: called once they have begun.

    Returns:
        The worst of their exit codes. A process that our signal killed before it could end in
        good order counts as 0.
    """
    context = multiprocessing.get_context("spawn")
    children: list[BaseProcess] = []
    told: set[int] = set()

    def stop(number: int, frame: FrameType | None) -> None:
        for index, child in enumerate(children):
            # once each: a second signal would hit a child that has put its handlers away
            if child.is_alive() and index not in told:
                told.add(index)
                child.terminate()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    for index in range(count):
        function, arguments = target(index)
        child: BaseProcess = context.Process(
            target=function, args=arguments, name=f"{name}-{index}"
        )
        child.start()
        children.append(child)
    on_start()
    multiprocessing.connection.wait([child.sentinel for child in children])
    stop(signal.SIGTERM, None)  # one has ended, so all do; our supervisor decides what follows
    for child in children:
        child.join()
    codes = [child.exitcode or 0 for child in children]
    counted = (code for n, code in enumerate(codes) if n not in told or code != -signal.SIGTERM)
    return max((abs(code) for code in counted), default=0)


def stop_with_parent(stop: asyncio.Event) -> None:
    """Stop also when the process that started us is killed: we hold what it held."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return
    loop, sentinel = asyncio.get_running_loop(), parent.sentinel

    def gone() -> None:
        loop.remove_reader(sentinel)
        stop.set()

    loop.add_reader(sentinel, gone)
