"""``sojourn channels``: the state of each channel; pause, resume, limit, lift a suppression."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from pydantic import BaseModel

from sojourn.cli.by_hand import ANYBODY, check_words
from sojourn.cli.here import Here
from sojourn.cli.local.stack import running_stack
from sojourn.cli.options import AsJson, By, ChannelName, Why, channel_named
from sojourn.cli.output import show_json, show_line, show_list
from sojourn.cli.running import run
from sojourn.cli.suppressing import lift_address
from sojourn.domain.errors import BadInput, TemporalUnavailable
from sojourn.domain.messages import Channel
from sojourn.insight import queues
from sojourn.insight.queues import Queue
from sojourn.store import ledger, pauses
from sojourn.store.tables import ChannelRow

app = typer.Typer(add_completion=False)

SENT_WITHIN = timedelta(hours=1)
SLOWEST, FASTEST = 0.1, 10_000  # messages a second


class Pause(BaseModel):
    """A pause, during which nothing leaves by a channel.

    Args:
        since: when it began, by the machine's clock.
        because: the words of the provider or the operator.
        by: the name of the provider or the operator.
        probe_at: when a worker next asks the provider whether it has recovered; None: only an
            operator resumes the channel.
    """

    since: datetime
    because: str
    by: str
    probe_at: datetime | None


class ChannelState(BaseModel):
    """The state of one channel.

    Args:
        channel: the channel.
        provider: its provider.
        paused: its pause; None if it is open.
        waiting: messages that are held, claimed or being handed over.
        unknown: messages that were perhaps sent.
        sent: messages that were sent within the last hour.
        queue: its queue, as Temporal knows it; None if Temporal does not answer.
    """

    channel: Channel
    provider: str
    paused: Pause | None
    waiting: int
    unknown: int
    sent: int
    queue: Queue | None


@app.callback(invoke_without_command=True)
def channels(
    context: typer.Context,
    *,
    as_json: AsJson = False,
) -> None:
    """Show each channel: provider, pause, messages that wait or are unknown, workers."""
    if context.invoked_subcommand is None:
        run(_show(Here.compose(), as_json=as_json))
    elif as_json:
        raise BadInput("--json is for the list alone")


@app.command()
def pause(name: ChannelName, *, why: Why, by: By = ANYBODY) -> None:
    """Pause a channel: its messages are held until somebody resumes it."""
    here, channel = Here.compose(), channel_named(name)
    check_words(why, by, here.project)
    run(_pause(here, channel, why, by))


@app.command()
def resume(name: ChannelName) -> None:
    """Open a channel again, also where a provider paused it."""
    run(_resume(Here.compose(), channel_named(name)))


@app.command()
def limit(
    name: ChannelName,
    rate: Annotated[str, typer.Argument(metavar="RATE", help="Messages a second, or off.")],
    *,
    why: Why = "set by sojourn channels limit",
    by: By = ANYBODY,
) -> None:
    """Limit the rate of a channel, over all workers together. The limit holds at once."""
    here, channel, number = Here.compose(), channel_named(name), _rate(rate)
    check_words(why, by, here.project)
    run(_limit(here, channel, number, why, by))


@app.command()
def lift(
    name: ChannelName,
    address: Annotated[str, typer.Argument(help="As the provider reported it.")],
) -> None:
    """Take an address off the suppression list, as `sojourn suppressions lift`."""
    here, channel = Here.compose(), channel_named(name)
    run(lift_address(here, channel, address, "lifted by sojourn channels lift", ANYBODY))


async def _show(here: Here, *, as_json: bool) -> None:
    async with here.store() as store, store.reading() as session:
        paused = await pauses.current(session)
        counts = await ledger.counts(session, since=datetime.now(UTC) - SENT_WITHIN)
    fault: TemporalUnavailable | None = None
    known: dict[Channel, Queue] = {}
    try:
        client = await here.temporal()
        found = await asyncio.gather(*(queues.describe(client, channel) for channel in Channel))
        known = dict(zip(Channel, found, strict=True))
    except TemporalUnavailable as error:
        fault = error
    fakes = (running_stack(here.settings) or {}).get("providers", {})
    states = [
        ChannelState(
            channel=channel,
            provider=fakes.get(channel) or getattr(here.settings, f"{channel}_provider"),
            paused=_pause_of(paused.get(channel)),
            waiting=counts[channel].waiting,
            unknown=counts[channel].unknown,
            sent=counts[channel].sent,
            queue=known.get(channel),
        )
        for channel in Channel
    ]
    if as_json:
        show_json([state.model_dump() for state in states])
    else:
        _list(states)
    if fault is not None:
        raise fault


async def _pause(here: Here, channel: Channel, why: str, by: str) -> None:
    async with here.store() as store, store.transaction() as session:
        began = await pauses.begin(session, channel, because=why, by=by)
        row = (await pauses.current(session))[channel]
    if began:
        show_line(f"{channel} is paused: `sojourn channels resume {channel}` opens it again")
    else:
        show_line(
            f"{channel} has been paused since {_utc(row.paused_at)}: {row.paused_because}; "
            "only an operator resumes it now"
        )


async def _resume(here: Here, channel: Channel) -> None:
    async with here.store() as store, store.transaction() as session:
        was_paused = await pauses.end(session, channel)
    show_line(f"{channel} is open" + ("" if was_paused else "; it was not paused"))


async def _limit(here: Here, channel: Channel, rate: float | None, why: str, by: str) -> None:
    client = await here.temporal()
    await queues.limit(client, channel, rate, because=why, by=by)
    if rate is None:
        show_line(f"{channel} has no limit")
    else:
        show_line(f"{channel} sends {rate:g} messages a second at most")


def _rate(text: str) -> float | None:
    if text == "off":
        return None
    try:
        rate = float(text)
    except ValueError:
        rate = 0
    if not SLOWEST <= rate <= FASTEST:  # "nan" fails this as well
        raise BadInput(
            f'"{text[:40]}" is not a limit: write messages a second, from {SLOWEST:g} to '
            f"{FASTEST:g}, or off"
        )
    return rate


def _pause_of(row: ChannelRow | None) -> Pause | None:
    if row is None or row.paused_at is None:
        return None
    return Pause(
        since=row.paused_at, because=row.paused_because, by=row.paused_by, probe_at=row.probe_at
    )


def _list(states: list[ChannelState]) -> None:
    show_list(
        (
            "channel",
            "provider",
            "state",
            "waiting",
            "unknown",
            "sent in 1 h",
            "limit",
            "backlog",
            "workers",
        ),
        (
            (
                state.channel,
                state.provider,
                "paused" if state.paused else "open",
                state.waiting,
                state.unknown,
                state.sent,
                *_queue(state.queue),
            )
            for state in states
        ),
    )
    for state in states:
        for remark in _remarks(state):
            show_line(remark, style="red")


def _queue(queue: Queue | None) -> tuple[object, object, object]:
    if queue is None:
        return ("?", "?", "?")
    return (
        "none" if queue.limit is None else f"{queue.limit:g}/s",
        queue.backlog,
        queue.workers,
    )


def _remarks(state: ChannelState) -> list[str]:
    """List the points that need an operator's attention."""
    remarks = []
    if state.paused:
        paused = state.paused
        ends = (
            f"{paused.by} is asked again at {paused.probe_at:%H:%M}"
            if paused.probe_at
            else f"`sojourn channels resume {state.channel}` opens it again"
        )
        remarks += [
            f"{state.channel}: paused since {_utc(paused.since)} by {paused.by}; {ends}",
            f"  {paused.because}",
        ]
    if state.unknown:
        remarks.append(
            f"{state.channel}: {state.unknown} perhaps sent: "
            "`sojourn ledger --state unknown` shows which"
        )
    if state.queue is not None and not state.queue.workers:
        remarks.append(f"{state.channel}: no worker serves its queue")
    return remarks


def _utc(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC" if at else ""
