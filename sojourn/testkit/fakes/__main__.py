"""The process of fake providers that ``sojourn dev --fake-providers`` starts.

The fakes report every message as delivered, and some as opened and clicked. A page lists them all.
"""

import argparse
import asyncio
import json
import random
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from sojourn.domain.messages import Channel
from sojourn.domain.reports import Kind
from sojourn.testkit.fakes import TROUBLE, Behaviour, Fake, Order, serving
from sojourn.testkit.fakes.page import page
from sojourn.testkit.fakes.registry import fakes
from sojourn.testkit.fakes.server import HOST, answering

SEEN_EVERY, CLICKED_EVERY = 3, 6
READ_AFTER = 3.0
"""Seconds until a message is opened, and until its link is clicked: an immediate click would count
as a machine's (`domain.measuring.hits`)."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``python -m sojourn.testkit.fakes`` and return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m sojourn.testkit.fakes", description=__doc__)
    parser.add_argument("--providers", required=True, help="email=postmark,sms=twilio")
    parser.add_argument("--hooks-to", required=True, help="the gateway's address")
    parser.add_argument("--public-url", required=True, help="the gateway's public address")
    parser.add_argument(
        "--file", type=Path, required=True, help="the file for page and environment"
    )
    parser.add_argument("--fail", type=float, default=0, help="percentage of calls that fail")
    told = parser.parse_args(argv)
    wished = dict(choice.split("=") for choice in told.providers.split(","))
    known = {fake.name: fake for fake in fakes()}
    for name in wished.values():
        if name not in known:
            print(f"no fake of {name}: choose one of: {', '.join(known)}", file=sys.stderr)  # noqa: T201
            return 2
    Fake.hook_url = told.public_url.rstrip("/")
    running = {name: known[name]() for name in wished.values()}
    for fake in running.values():
        fake.hooks_to = told.hooks_to
        fake.tells_of = tells(fake)
        fake.read_after = READ_AFTER
        fake.choose = failing(told.fail, random.Random())
    asyncio.run(serve(running, {Channel(c): name for c, name in wished.items()}, told.file))
    return 0


async def serve(running: dict[str, Fake], wished: dict[Channel, str], file: Path) -> None:
    """Serve until SIGTERM or SIGINT.

    Args:
        running: the fakes by name.
        wished: the name of the fake that carries each channel.
        file: receives the page's address and the environment that leads to the fakes, as soon as
            all of them answer.
    """
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with AsyncExitStack() as opened:
        sock = socket.create_server((HOST, 0))
        environment = {f"SOJOURN_{c.upper()}_PROVIDER": name for c, name in wished.items()}
        for fake in running.values():
            await opened.enter_async_context(serving(fake))
            environment |= fake.environment()
        await opened.enter_async_context(answering(page(wished, running), sock))
        said = {"page": f"http://{HOST}:{sock.getsockname()[1]}", "environment": environment}
        part = file.with_name(f"{file.name}.part")
        part.write_text(json.dumps(said))
        part.replace(file)  # in one step, so that nobody reads half a file
        await stop.wait()


def tells(fake: Fake) -> Callable[[Order], Sequence[Kind]]:
    """Return a function that returns the reports of a message; some are opened, some clicked."""

    def kinds(order: Order) -> Iterator[Kind]:
        yield Kind.DELIVERED
        number = fake.accepted.index(order)
        if number % SEEN_EVERY == 0:
            yield from (Kind.OPENED, Kind.READ)  # the channel has one of them
        if number % CLICKED_EVERY == 0:
            yield Kind.CLICKED

    return lambda order: tuple(kinds(order))


def failing(share: float, chance: random.Random) -> Callable[[], Behaviour]:
    """Return a function that decides how each call is treated.

    Args:
        share: the percentage of calls that fail, spread over all kinds of failure.
        chance: the source of random numbers.
    """

    def choose() -> Behaviour:
        return chance.choice(TROUBLE) if chance.uniform(0, 100) < share else Behaviour.ACCEPT

    return choose


if __name__ == "__main__":
    sys.exit(main())
