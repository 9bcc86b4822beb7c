"""Runs in memory against runs on Temporal: the same journey, decided on by the same gate.

One process on one core plays everything in memory: customers who are reached everywhere start a
run of `abandoned-cart` each, and the clock moves until all are over. Then a year of one renewal,
and a made-up recording, as `sojourn backtest` plays it. The figure of the real engine is a round
of `benchmarks.throughput` in the same run of the benchmark.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import throughput
from benchmarks.row import Row
from sojourn import load_project
from sojourn.cli.output import stderr
from sojourn.dispatch.calls import Track, read_call
from sojourn.domain.customer import Identity
from sojourn.domain.messages import Channel
from sojourn.events import ProductAdded, SubscriptionStarted
from sojourn.garbage import OF_A_WORLD, rarely_collected
from sojourn.in_memory.world import World
from sojourn.insight.backtesting.playing import Recorded, play
from sojourn.policies import Policy
from sojourn.project import Project
from sojourn.rendering.render import Renderer
from sojourn.sending.grounds import Grounds
from sojourn.settings import Settings

AT = datetime(2026, 3, 5, 11, tzinfo=UTC)
ROUNDS = 5
RUNS, FULL_RUNS = 400, 4_000
CALLS, FULL_CALLS = 20_000, 1_000_000
REAL = 100
"""Runs on the real engine."""
TRAITS = {
    "firstName": "Ada",
    "pushToken": "a-device",
    "locale": "en-GB",
    "timezone": "Europe/Rome",
    "marketingConsent": dict.fromkeys(Channel, True),
}


async def measure(home: Path, *, full: bool) -> list[Row]:
    """Play in memory, then on the real engine."""
    stderr.print("in memory: runs")
    project = load_project(Path(__file__).parents[1])
    settings = Settings(home=home, quiet_hours=None)
    runs = FULL_RUNS if full else RUNS
    played = Played(
        project,
        Grounds.of(settings, project, Policy(project.policy, settings.quiet_hours)),
        Renderer(settings, "a benchmark", project.templates, project.languages),
    )
    bare = median(_runs_a_second(played, runs, declines=False) for _ in range(ROUNDS))
    asked = _runs_a_second(played, runs // 4, declines=True)
    year = median(_a_year(played) for _ in range(ROUNDS))
    calls = FULL_CALLS if full else CALLS
    stderr.print(f"in memory: {calls:,} calls")
    recorded = list(_recording(project, calls))
    began = time.perf_counter()
    play(recorded, project, settings)
    took = time.perf_counter() - began
    stderr.print("in memory: the real engine")
    real = (await throughput.of_the_journey(home, REAL)).per_second
    return [
        Row("in memory", "runs a second on one core, gate included", bare, "/s"),
        Row("in memory", "the same, with every template asked", asked, "/s"),
        Row("in memory", "runs on the real engine, on all cores", real, "/s"),
        Row("in memory", "runs a second, memory / the real engine", bare / real),
        Row("in memory", "a year of one renewal", 1000 * year, "ms"),
        Row("in memory", f"a backtest's calls, of {calls:,}", calls / took, "/s"),
    ]


@dataclass(frozen=True)
class Played:
    """The parts that all worlds share: a session of tests reads them once."""

    project: Project
    grounds: Grounds
    renderer: Renderer

    def world(self, *, declines: bool) -> World:
        """Return an installation that nobody has been in."""
        return World(self.project, self.grounds, self.renderer, AT, declines=declines)


def _identity(project: Project, customer_id: str, at: datetime) -> Identity:
    traits = {**TRAITS, "email": f"{customer_id}@shop.example"}
    call = {"type": "identify", "userId": customer_id, "messageId": f"i-{customer_id}"}
    read = read_call({**call, "timestamp": at.isoformat(), "traits": traits}, project.events)
    assert isinstance(read, Identity)
    return read


def _runs_a_second(played: Played, number: int, *, declines: bool) -> float:
    world = played.world(declines=declines)
    carts = []
    for n in range(number):
        who = f"c{n}"
        world.identify(_identity(played.project, who, AT))
        carts.append(
            ProductAdded(
                message_id=f"e{n}", customer_id=who, occurred_at=AT, cart_id="k", product_id="p"
            )
        )
    with rarely_collected(OF_A_WORLD):
        began = time.perf_counter()
        for cart in carts:
            world.publish(cart)
        world.advance(AT + timedelta(days=30))
        took = time.perf_counter() - began
    sent = sum(len(person.rows) for person in world.registry.people.values())
    assert sent == 3 * number, f"{sent} messages of {number} runs"
    return number / took


def _a_year(played: Played) -> float:
    """Return the seconds that a renewal takes from its start to its end, a year later."""
    world = played.world(declines=True)
    world.identify(_identity(played.project, "ada", AT))
    began = time.perf_counter()
    ends = AT + timedelta(days=365)
    world.publish(
        SubscriptionStarted(
            message_id="e", customer_id="ada", occurred_at=AT, subscription_id="s", expires_at=ends
        )
    )
    world.advance(ends + timedelta(days=10))
    took = time.perf_counter() - began
    assert len(world.registry.person("ada").rows) == 4, "the last one a day after the end"
    return took


def _recording(project: Project, number: int) -> Iterator[Recorded]:
    """Yield calls of a shop: a customer comes, looks six times, fills a cart and buys."""
    for n in range(number // 10):
        who, at = f"s{n}", AT + timedelta(minutes=n)
        yield _identity(project, who, at)
        paid = {"currency": "EUR", "price": "49.90"}
        product: dict[str, Any] = {"product_id": f"p{n % 50}", "name": "A lamp", **paid}
        order = {"order_id": f"o{n}", "total": "49.90", "currency": "EUR", "products": [product]}
        did: list[tuple[str, dict[str, Any]]] = [("Product Viewed", product)] * 6
        did += [("Product Added", {**product, "cart_id": f"k{n}"})] * 2
        did += [("Order Completed", {**order, "cart_id": f"k{n}"})]
        for place, (event, properties) in enumerate(did):
            later = at + timedelta(minutes=place) * (1 if n % 3 else 600)
            call = {
                "type": "track",
                "userId": who,
                "messageId": f"t{n}-{place}",
                "event": event,
                "timestamp": later.isoformat(),
                "properties": properties,
            }
            read = read_call(call, project.events)
            assert isinstance(read, Track)
            yield read
