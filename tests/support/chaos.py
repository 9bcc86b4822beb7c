"""Chaos: providers, worker, Temporal and the database fail at once, and deliveries are counted.

Some of the calls to providers fail in every way in which a provider can; meanwhile the worker and
Temporal are killed, and the database's connections are cut. The fakes record what they accepted,
and each row of the ledger is compared with that.
"""

import asyncio
import os
import random
import signal
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import asyncpg
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError
from temporalio.testing import TimeSkipper

from sojourn.cli.local.stack import Server, dev_server
from sojourn.dispatch import Sojourn
from sojourn.domain.errors import Unavailable
from sojourn.domain.events import Event, ProductAdded, SignedUp, SubscriptionStarted
from sojourn.domain.messages import Channel, MessageClass
from sojourn.domain.reports import Kind
from sojourn.domain.states import SETTLED
from sojourn.settings import Settings
from sojourn.store import Store, ledger, runs
from sojourn.store.tables import ConsentRow, CustomerRow, LedgerRow, RunRow
from sojourn.testkit.fakes import TROUBLE, Behaviour, Fake, serving
from sojourn.testkit.fakes.registry import fakes
from tests.support.installation import Installation, installation

T = TypeVar("T")

PATIENCE_SECONDS = 5
AT_ONCE = 60
TELLS = (Kind.DELIVERED, Kind.ACCEPTED, Kind.OPENED)
"""The order is wrong on purpose."""


@dataclass(frozen=True)
class Size:
    """The extent of the chaos.

    Args:
        runs: the number of runs of the three journeys together.
        worker: the number of times that the worker is killed with SIGKILL.
        temporal: the number of times that Temporal is killed; its state is in a file.
        cuts: the number of times that all connections to the database are cut.
        share: the share of the calls to providers that fail.
        seed: the seed of every random choice.
    """

    runs: int
    worker: int
    temporal: int
    cuts: int
    share: float = 0.2
    seed: int = 4


@dataclass
class Verdict:
    """The outcomes of all runs and messages.

    Args:
        rows: the rows of the ledger.
        accepted: the number of times that providers took each message, by reference.
        outcomes: the number of runs, by outcome.
        lost: messages that the ledger calls sent and no provider accepted.
        twice: messages that were accepted twice without a mark or permission.
        untrue: rows whose state is not true.
        unsaid: runs that did not decide on each of their messages.
        asked: the number of times that providers were asked to send.
        hooks: the number of webhooks that the gateway answered, by status.
    """

    rows: Sequence[LedgerRow]
    accepted: Counter[str]
    outcomes: Counter[str]
    lost: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)
    untrue: list[str] = field(default_factory=list)
    unsaid: list[str] = field(default_factory=list)
    asked: int = 0
    hooks: Counter[int] = field(default_factory=Counter)

    def lines(self) -> list[str]:
        """Return the counts in words."""
        states = Counter(
            f"{row.channel} {row.state}" + (f" ({row.reason})" if row.reason else "")
            for row in self.rows
        )
        marked = [row for row in self.rows if row.possible_duplicate]
        doubled = sum(self.accepted[row.reference] > 1 for row in marked)
        unknown = [row for row in self.rows if row.state == "unknown"]
        out = sum(bool(self.accepted[row.reference]) for row in unknown)
        return [
            f"runs: {dict(self.outcomes)}",
            f"ledger: {dict(sorted(states.items()))}",
            f"providers were asked {self.asked} times and accepted {self.accepted.total()}",
            f"lost: {len(self.lost)}; twice: {len(self.twice)}; untrue: {len(self.untrue)}; "
            f"runs that left something unsaid: {len(self.unsaid)}",
            f"marked as possible duplicates: {len(marked)}, of which {doubled} are",
            f"unknown: {len(unknown)}, of which {out} were accepted",
            f"webhooks answered: {dict(sorted(self.hooks.items()))}",
        ]


PROVIDERS = {Channel.EMAIL: "postmark", Channel.SMS: "twilio", Channel.PUSH: "fcm"}
STEPS = {"abandoned-cart": 3, "onboarding": 4, "renewal": 4}


async def chaos(size: Size, home: Path, database_url: str) -> Verdict:
    """Run everything through the chaos.

    Args:
        size: the extent of the chaos.
        home: an empty folder.
        database_url: the URL of an empty database; connections are only cut on PostgreSQL.
    """
    rnd = random.Random(size.seed)
    settings = Settings(home=home, database_url=database_url, quiet_hours=None)
    store = await Store.open(settings.store_url, migrate=True)
    async with AsyncExitStack() as opened:
        opened.push_async_callback(store.close)
        carriers = [await opened.enter_async_context(serving(fake)) for fake in _failing(rnd, size)]
        server = await opened.enter_async_context(
            dev_server(home, ports=False, on_restart=lambda code: None)
        )
        variables = _environment(carriers)
        running = await opened.enter_async_context(
            installation(server, store, settings, variables=variables)
        )
        for fake in carriers:
            fake.hooks_to = running.url
        done = await _live(size, rnd, running, server, store, settings)
        for fake in carriers:
            await fake.told()
        return await _judged(store, carriers, done)


def _failing(rnd: random.Random, size: Size) -> list[Fake]:
    """Run fakes that fail in every way, and report before they answer, twice and out of order."""
    found = {fake.name: fake for fake in fakes()}
    carriers = [found[name]() for name in dict.fromkeys(PROVIDERS.values())]
    for carrier in carriers:
        carrier.choose = lambda: (
            rnd.choice(TROUBLE) if rnd.random() < size.share else Behaviour.ACCEPT
        )
        carrier.tells, carrier.tells_times, carrier.tells_before_answer = TELLS, 2, True
    return carriers


def _environment(carriers: Sequence[Fake]) -> dict[str, str]:
    variables = {f"SOJOURN_{c.upper()}_PROVIDER": name for c, name in PROVIDERS.items()}
    for fake in carriers:
        variables["SOJOURN_PUBLIC_URL"] = fake.hook_url  # some sign the address that they call
        variables |= fake.environment()
        variables[f"SOJOURN_{fake.name.upper()}_TIMEOUT_SECONDS"] = "2"
    return variables


async def _live(  # noqa: PLR0917 (each argument is another part)
    size: Size,
    rnd: random.Random,
    running: Installation,
    server: Server,
    store: Store,
    settings: Settings,
) -> dict[str, str]:
    """Start all runs, let a season pass for each, and kill meanwhile; return the outcomes."""
    sojourn = Sojourn(server.client, store, settings)
    begun = await _begin(size, sojourn)
    ended: dict[str, str] = {}
    news = asyncio.Event()

    async def live(run: RunRow) -> None:
        ended[run.workflow_id] = await _ended(server.client, run)
        news.set()

    async def disturb() -> None:
        strikes = blows(size, rnd, running, server, settings.store_url)
        moments = sorted(rnd.sample(range(size.runs * 9 // 10), len(strikes)))
        for moment, strike in zip(moments, strikes, strict=True):
            while len(ended) < moment:
                news.clear()
                await news.wait()
            await asyncio.sleep(rnd.random() * 0.5)
            await strike()

    async with asyncio.TaskGroup() as group:
        disturbing = group.create_task(disturb())
        await _at_once(live, begun)
        await disturbing
    assert len(running.worker.ends) == size.worker, running.worker.ends
    return ended


def blows(
    size: Size, rnd: random.Random, running: Installation, server: Server, database_url: str
) -> list[Callable[[], Awaitable[None]]]:
    """Return the blows in the order in which they fall."""

    async def kill_temporal() -> None:
        assert server.process.pid is not None
        with suppress(ProcessLookupError):
            os.killpg(server.process.pid, signal.SIGKILL)

    async def cut() -> None:
        connection = await asyncpg.connect(database_url)
        try:
            await connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        finally:
            await connection.close()

    strikes: list[Callable[[], Awaitable[None]]] = [running.worker.kill] * size.worker
    strikes += [kill_temporal] * size.temporal
    if database_url.startswith("postgresql"):
        strikes += [cut] * size.cuts
    rnd.shuffle(strikes)
    return strikes


async def _begin(size: Size, sojourn: Sojourn) -> list[RunRow]:
    """Create customers with a run each."""
    begin = datetime.now(UTC) - timedelta(hours=1)
    happened: list[Event] = []
    async with sojourn.store.transaction() as session:
        for n in range(size.runs):
            who = f"c{n}"
            session.add(
                CustomerRow(
                    customer_id=who,
                    identified_at=begin,
                    email=f"c{n}@shop.example",
                    phone=f"+39333{n:07}",
                    push_token=f"token-{n}" if n % 2 else "",
                    locale=("en", "it", "pl")[n % 3],
                )
            )
            session.add_all(
                ConsentRow(
                    customer_id=who, channel=channel.value, granted=True, at=begin, source="-"
                )
                for channel in Channel
            )
            happened.append(_first(n, who, begin))
    await _at_once(sojourn.publish, happened)
    async with sojourn.store.reading() as session:
        return list(await runs.every(session))


def _first(n: int, who: str, at: datetime) -> Event:
    match n % 3:
        case 0:
            return ProductAdded(
                customer_id=who, cart_id="k", product_id="p", name="Cup", occurred_at=at
            )
        case 1:
            return SignedUp(customer_id=who, occurred_at=at)
        case _:
            return SubscriptionStarted(
                customer_id=who,
                subscription_id="s",
                expires_at=at + timedelta(days=30),
                occurred_at=at,
            )


async def _ended(client: Client, run: RunRow) -> str:
    """Let time pass for a run until it is over; return its outcome.

    Time moves from wait to wait, each time by the wait's own length. A longer step would be lost if
    Temporal died during it.
    """
    handle = client.get_workflow_handle(run.workflow_id)
    skipper, waited_out = TimeSkipper(client), ""
    while True:
        try:
            async with asyncio.timeout(20):
                described = await handle.describe()
                if described.status is not WorkflowExecutionStatus.RUNNING:
                    return described.status.name if described.status else ""
                status = await handle.query("status")
                until = status["until"]
                if until is not None and until != waited_out:
                    left = datetime.fromisoformat(until) - datetime.fromisoformat(status["as_of"])
                    waited_out = until
                    await skipper.fast_forward(handle, left)
        except (RPCError, RuntimeError, TimeoutError):
            # the answer is lost: time is moved again if the run shows no effect
            await asyncio.sleep(PATIENCE_SECONDS)
            waited_out = ""
        await asyncio.sleep(0.2)


async def _at_once(do: Callable[[T], Awaitable[object]], items: Sequence[T]) -> None:
    free = asyncio.Semaphore(AT_ONCE)

    async def one(item: T) -> None:
        async with free:
            while True:
                try:
                    await do(item)
                except Unavailable:
                    await asyncio.sleep(0.5)  # a service would publish it again
                else:
                    return

    async with asyncio.TaskGroup() as group:
        for item in items:
            group.create_task(one(item))


async def _judged(store: Store, carriers: Sequence[Fake], ended: Mapping[str, str]) -> Verdict:
    async with store.reading() as session:
        rows = await ledger.every(session)
    accepted = Counter(order.reference for fake in carriers for order in fake.accepted)
    verdict = Verdict(rows, accepted, Counter(ended.values()))
    verdict.asked = sum(fake.asked for fake in carriers)
    verdict.hooks = Counter(code for fake in carriers for code in fake.hook_answers)
    decided: dict[str, set[str]] = {}
    delivered: Counter[str] = Counter()
    for row in rows:
        decided.setdefault(row.workflow_id, set()).add(row.step)
        times = accepted[row.reference]
        delivered[row.message_id] += bool(times)
        if row.state == "sent" and not times:
            verdict.lost.append(row.ledger_key)
        if times > 1 and not (
            times == 2 and row.possible_duplicate and row.message_class != MessageClass.PROMOTIONAL
        ):
            verdict.twice.append(row.ledger_key)
        if row.state not in SETTLED or (times and row.state not in ("sent", "unknown")):
            verdict.untrue.append(f"{row.ledger_key}: {row.state}, accepted {times} times")
    verdict.twice += [message for message, ways in delivered.items() if ways > 1]
    verdict.untrue += sorted(accepted.keys() - {row.reference for row in rows})
    verdict.unsaid = [
        run for run in ended if len(decided.get(run, ())) < STEPS[run.partition(":")[0]]
    ]
    return verdict
