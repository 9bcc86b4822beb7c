"""Publish a file of Segment calls; safe to repeat."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, Field

from sojourn.cli.calls import Call, Fault, read_calls
from sojourn.cli.pace import Pace, feed
from sojourn.cli.records import BadLine
from sojourn.dispatch import Published, Sojourn
from sojourn.dispatch.calls import Track
from sojourn.domain.alias import Alias
from sojourn.domain.customer import Identity
from sojourn.domain.errors import BadEvent, TemporalUnavailable


class FilePublished(BaseModel):
    """The result of publishing a file.

    Args:
        read: lines that are not empty.
        identified: identify calls taken.
        joined: alias calls taken.
        stored: new events.
        repeated: events whose message id was stored before.
        ignored: calls of types that no journey receives: page, screen, group.
        rejected: bad lines; nothing of them was published.
        left_out: traits of identify calls that cannot be read; the rest of those lines was taken.
        away: why runs could not be told of the stored events; the next sweep tells them.
    """

    read: int = 0
    identified: int = 0
    joined: int = 0
    stored: int = 0
    repeated: int = 0
    ignored: int = 0
    rejected: list[BadLine] = []
    left_out: list[BadLine] = []
    away: Annotated[str, Field(exclude=True)] = ""


async def publish_file(
    sojourn: Sojourn,
    path: Path,
    report: FilePublished,
    *,
    rate: float | None,
    on_line: Callable[[], None],
) -> None:
    """Publish every call in a file, each customer's calls in order.

    Args:
        sojourn: the connection.
        path: a file with one Segment call per line, plain or gzipped; ``-`` is standard input.
        report: counts each line at once, so that an interrupted command can say how far it got.
        rate: calls per second; None for no limit.
        on_line: called after each line.

    Raises:
        BadInput: the file cannot be read.
    """
    pace = Pace(rate)

    async def work(numbered: tuple[int, Call]) -> None:
        number, call = numbered
        report.read += 1
        match call:
            case Fault():
                report.rejected.append(BadLine(line=call.line, reason=call.reason))
            case Identity():
                await pace.turn()
                await _identify(sojourn, number, call, report)
            case Alias():
                await pace.turn()
                await _alias(sojourn, call, report)
            case Track():
                await pace.turn()
                await _track(sojourn, number, call, report)
            case _:
                report.ignored += 1
        on_line()

    def lane(numbered: tuple[int, Call]) -> str:
        call = numbered[1]
        return call.customer_id if isinstance(call, Track | Identity | Alias) else ""

    calls = read_calls(path, sojourn.project.events, within=sojourn.settings.clock_skew)
    await feed(calls, work, lane=lane)
    report.rejected.sort(key=lambda bad: bad.line)
    report.left_out.sort(key=lambda bad: bad.line)


async def _identify(sojourn: Sojourn, number: int, call: Identity, report: FilePublished) -> None:
    try:
        heard = await sojourn.hear(call)
    except BadEvent as error:
        report.rejected.append(BadLine(line=number, reason=str(error)))
        return
    report.identified += 1
    report.left_out += [BadLine(line=number, reason=str(fault)) for fault in heard.faults]


async def _alias(sojourn: Sojourn, call: Alias, report: FilePublished) -> None:
    try:
        await sojourn.alias(call, wait=not report.away)
    except TemporalUnavailable as error:  # the two are joined
        report.away = str(error)
    report.joined += 1


async def _track(sojourn: Sojourn, number: int, call: Track, report: FilePublished) -> None:
    try:
        # wait only once for a Temporal that is away
        published: Published = await call.into(sojourn, wait=not report.away)
    except TemporalUnavailable as error:  # it is stored
        report.away = str(error)
        report.stored += 1
        return
    except BadEvent as error:
        report.rejected.append(BadLine(line=number, reason=str(error)))
        return
    if published.stored:
        report.stored += 1
    else:
        report.repeated += 1
