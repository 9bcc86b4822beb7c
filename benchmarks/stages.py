"""The CPU of one message, by stage: gate, claim, render, submit, hand over, settle.

The real send activity runs in this process, one message at a time, so that what a stage takes is
its own. The database's process is not in it.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any
from unittest.mock import patch

from temporalio.testing import ActivityEnvironment

from benchmarks.bare import delivery
from benchmarks.messages import REMINDER
from benchmarks.shoppers import enrolments
from sojourn.channels import outbox
from sojourn.composing import load_project
from sojourn.domain.errors import SojournError
from sojourn.domain.messages import Status
from sojourn.domain.rules import Rules
from sojourn.rendering.render import Renderer
from sojourn.sending import gate as gates
from sojourn.sending.gate import Gate
from sojourn.sending.grounds import Grounds
from sojourn.sending.recording import Recorder
from sojourn.sending.send import Messages
from sojourn.settings import Settings, signing_key
from sojourn.store import Store

Spent = defaultdict[str, float]
"""Seconds of CPU, by stage."""

WHOLE = "a message"
STAGES = ("gate", "claim", "render", "submit", "hand over", "settle")
BATCH = 10


@dataclass(frozen=True)
class _Watched:
    """A function whose CPU is one stage's.

    Args:
        stage: the name of the stage.
        owner: where the function is looked up.
        name: its name there.
        within: the stage that it is a part of, and that is told without it.
    """

    stage: str
    owner: Any
    name: str
    within: str = ""


WATCHED = (
    _Watched("gate", Gate, "pass_or_refuse"),
    _Watched("claim", gates, "apply", within="gate"),
    _Watched("render", Messages, "render"),
    _Watched("submit", Recorder, "submit"),
    _Watched("hand over", outbox.Outbox, "send"),
    _Watched("settle", Recorder, "sent"),
)


async def of(store: Store, home: Path, count: int) -> dict[str, float]:
    """Send messages, and return the CPU of each stage of one.

    Args:
        store: an open, migrated store; it is filled with customers.
        home: the installation's folder.
        count: the messages to send, without those before that warm up.

    Returns:
        Milliseconds by stage, and those of the whole message; medians over batches of messages.

    Raises:
        SojournError: a message is not sent.
    """
    settings = Settings(home=home, quiet_hours=None)
    project, rules = load_project(), Rules.of(None)
    messages = Messages(
        Gate(store, Grounds(lambda: rules, settings.timezone)),
        project.carriers.chosen(settings),
        Renderer(settings, signing_key(settings), project.templates),
        Recorder(store),
    )
    people = await enrolments(store, count + BATCH)
    now = datetime.now(UTC)
    asked = [
        delivery(f"abandoned-cart:{one.customer_id}:cart", one, 1, REMINDER, now) for one in people
    ]
    batches: list[dict[str, float]] = []
    activity = ActivityEnvironment()
    with _watching() as spent:
        for first in range(0, len(asked), BATCH):
            spent.clear()
            for message in asked[first : first + BATCH]:
                began = time.process_time()
                receipt = await activity.run(messages.send, message)
                spent[WHOLE] += time.process_time() - began
                if receipt.status is not Status.SENT:
                    raise SojournError(f"the message should have been sent, not {receipt.status}")
            batches.append(dict(spent))
    return _medians(batches[1:])  # what a process reads once is read by the first batch


def _medians(batches: Sequence[dict[str, float]]) -> dict[str, float]:
    parts = {one.within for one in WATCHED if one.within}
    told = {stage: [1000 * each[stage] / BATCH for each in batches] for stage in (*STAGES, WHOLE)}
    for one in WATCHED:
        if one.within:
            pairs = zip(told[one.within], told[one.stage], strict=True)
            told[one.within] = [whole - part for whole, part in pairs]
    assert parts <= told.keys()
    return {stage: median(figures) for stage, figures in told.items()}


@contextmanager
def _watching() -> Iterator[Spent]:
    spent: Spent = defaultdict(float)
    patches = [
        patch.object(one.owner, one.name, _timed(getattr(one.owner, one.name), one.stage, spent))
        for one in WATCHED
    ]
    for each in patches:
        each.start()
    try:
        yield spent
    finally:
        for each in patches:
            each.stop()


def _timed(function: Callable[..., Any], stage: str, spent: Spent) -> Callable[..., Any]:
    if stage == "render":  # the one that never waits

        def plain(*args: Any, **more: Any) -> Any:
            began = time.process_time()
            try:
                return function(*args, **more)
            finally:
                spent[stage] += time.process_time() - began

        return plain

    async def awaited(*args: Any, **more: Any) -> Any:
        began = time.process_time()
        try:
            return await function(*args, **more)
        finally:
            spent[stage] += time.process_time() - began

    return awaited
