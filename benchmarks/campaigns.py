"""A campaign's message against a journey's: CPU of worker, Temporal and PostgreSQL, side by side.

One worker process serves both, with the same content, to a fake of Postmark that takes batches.
Rounds alternate. A journey's message is one run per recipient that only sends it. The worker's
memory is measured after a small campaign and after a large one.
"""

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

import asyncpg
import psutil
from temporalio.client import Client

from benchmarks.bounded import in_lanes
from benchmarks.messages import QUEUE
from benchmarks.row import Row
from sojourn import EMAIL, Audience, Campaign, Message, Sojourn, load_project, trait
from sojourn.campaigns import launching
from sojourn.cli.local.processes import Child, python, running
from sojourn.cli.local.stack import dev_server
from sojourn.cli.output import stderr
from sojourn.dispatch import routing
from sojourn.domain.campaign import Campaigns
from sojourn.domain.campaign_run import PREFIX, CampaignCounts
from sojourn.domain.errors import SojournError
from sojourn.domain.messages import EDITION, Enrolment, Heard, Result, Status
from sojourn.domain.span import days
from sojourn.journeys.queues import search_attributes
from sojourn.settings import Settings
from sojourn.store import Store
from sojourn.testkit.fakes import serving
from sojourn.testkit.fakes.postmark import FakePostmark
from tests.support.postgres import Postgres, find

NAME = "one-message"
"""The journey, whose content the campaign also has."""
ROUNDS, FULL_ROUNDS = 3, 5
RUNS, FULL_RUNS = 150, 600
RECIPIENTS, FULL_RECIPIENTS = 1_000, 20_000
FEW, MANY, FULL_MANY = 1_000, 5_000, 1_000_000
IN_FLIGHT = 32
STUCK = timedelta(hours=6)
WORDS = """{% extends "layout/email.html" %}
{% block subject %}{{ customer.first_name }}, our new tents are here{% endblock %}
{% block body %}
<p>Good morning {{ customer.first_name }},</p>
<p>Two of them weigh less than a kilogram. All of them stand in ten minutes.</p>
<p><a href="{{ shop.url }}/tents">Look at the tents</a></p>
{% endblock %}
"""
CUSTOMERS = """
INSERT INTO customers (customer_id, merged, identified_at, first_name, email, phone, phone2,
                       push_token, locale, timezone, attributes, said)
SELECT $1 || '-' || i, false, now() - interval '1 year', 'Ada', $1 || '-' || i || '@shop.example',
       '', '', '', 'en', (array['Europe/Rome', 'Europe/Warsaw', 'America/New_York'])[1 + i % 3],
       json_build_object('wave', $1), '{}'::json
FROM generate_series(1, $2::int) i
"""
CONSENTS = """
INSERT INTO consents (customer_id, channel, topic, granted, at, received_at, source)
SELECT $1 || '-' || i, 'email', '', true, now() - interval '200 days', now(), 'a form'
FROM generate_series(1, $2::int) i
"""
STARTS = """
INSERT INTO events (message_id, customer_id, name, occurred_at, received_at, routed_at, properties)
SELECT 's-' || $1 || '-' || i, $1 || '-' || i, 'Signed Up', now(), now(), now(), '{}'::json
FROM generate_series(1, $2::int) i
RETURNING customer_id, seq
"""


@dataclass(frozen=True)
class Bench:
    """Everything that takes part."""

    client: Client
    store: Store
    url: str
    sojourn: Sojourn
    worker: psutil.Process
    temporal: psutil.Process
    postgres: psutil.Process
    log: Path

    def cpu(self) -> dict[str, float]:
        """Return the CPU seconds that each part has used."""
        return {
            "worker": _own(self.worker),
            "Temporal": _own(self.temporal),
            "PostgreSQL": _family(self.postgres),
        }


def _own(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _family(process: psutil.Process) -> float:
    """Return the CPU seconds of a process and its children, including ended ones."""
    living = 0.0
    for child in process.children():
        with suppress(psutil.NoSuchProcess):  # its parent has counted it
            living += _own(child)
    times = process.cpu_times()
    gone = float(times.children_user + times.children_system)
    return living + float(times.user + times.system) + gone


async def measure(home: Path, *, full: bool, recipients: int | None = None) -> list[Row]:
    """Run the rounds.

    Args:
        home: an empty folder for its state.
        full: the sizes to measure by hand.
        recipients: of the large campaign; None: as many as the size says.

    Returns:
        The figures.
    """
    commands = find()
    if commands is None:
        stderr.print("campaigns: PostgreSQL is not installed, so it is left out")
        return []
    (home / "templates" / NAME).mkdir(parents=True)
    (home / "templates" / NAME / "message.email.en.html").write_text(WORDS)
    (home / "pyproject.toml").write_text("[tool.sojourn]\n")
    server = Postgres(commands)
    server.start()
    try:
        many = recipients or (FULL_MANY if full else MANY)
        return await _with(server, home, many, full=full)
    finally:
        server.stop()


async def _with(server: Postgres, home: Path, many: int, *, full: bool) -> list[Row]:
    url = await server.create()
    settings = Settings(home=home, database_url=url, quiet_hours=None, caps="off")
    project = replace(load_project(home), templates=(home / "templates",))
    fake = FakePostmark()
    async with (
        serving(fake),
        await Store.open(settings.store_url, migrate=True) as store,
        dev_server(home, ports=False, lasting=False) as temporal,
    ):
        environment = {
            **fake.environment(),
            "SOJOURN_HOME": str(home),
            "SOJOURN_PROJECT": str(home),
            "SOJOURN_DATABASE_URL": url,
            "SOJOURN_QUIET_HOURS": "off",
            "SOJOURN_CAPS": "off",
            "SOJOURN_EMAIL_PROVIDER": "postmark",
            "TEMPORAL_ADDRESS": temporal.address,
        }
        child = Child(
            "the benchmark's worker",
            python("-m", "benchmarks.served", "campaigns"),
            home / "worker.log",
            env=environment,
        )
        async with running(child):
            (running_temporal,) = psutil.Process(temporal.process.pid).children()
            bench = Bench(
                temporal.client,
                store,
                url,
                Sojourn(temporal.client, store, settings, project, task_queue=QUEUE),
                psutil.Process(child.pid),
                running_temporal,
                psutil.Process(server.pid),
                home / "worker.log",
            )
            return await _rounds(bench, many, full=full)


async def _rounds(bench: Bench, many: int, *, full: bool) -> list[Row]:
    runs, recipients = (FULL_RUNS, FULL_RECIPIENTS) if full else (RUNS, RECIPIENTS)
    stderr.print("campaigns: warming up")
    await _journeys(bench, "warm-j", 20)
    await _campaign(bench, "warm-c", 100)
    costs: dict[str, list[dict[str, float]]] = {"journey": [], "campaign": []}
    for number in range(FULL_ROUNDS if full else ROUNDS):
        stderr.print(f"campaigns: round {number + 1}")
        costs["journey"].append(await _journeys(bench, f"j{number}", runs))
        costs["campaign"].append(await _campaign(bench, f"c{number}", recipients))
    ratios = [
        sum(journey.values()) / sum(campaign.values())
        for journey, campaign in zip(costs["journey"], costs["campaign"], strict=True)
    ]
    rows = [
        Row("campaigns", "messages a CPU second, campaign / a run a recipient",
            median(ratios), at_least=10),
    ]  # fmt: skip
    for kind, each in costs.items():
        for part in each[0]:
            figure = median(one[part] for one in each)
            rows.append(Row("campaigns", f"{kind}: {part} CPU a message", figure, "ms"))
    journey = median(sum(each.values()) for each in costs["journey"])
    return [*rows, *await _sizes(bench, journey, many)]


async def _sizes(bench: Bench, journey: float, many: int) -> list[Row]:
    """Compare a large campaign with a small one: the worker's memory, the CPU, the history.

    Args:
        bench: everything that takes part.
        journey: the CPU milliseconds of a run a recipient, per message.
        many: the recipients of the large one.
    """
    await _campaign(bench, "few", FEW)
    before = bench.worker.memory_info().rss
    began = time.perf_counter()
    costs = await _campaign(bench, "many", many)
    took = time.perf_counter() - began
    after = bench.worker.memory_info().rss
    handle = bench.client.get_workflow_handle(f"{PREFIX}many")
    events = (await handle.describe()).history_length
    return [
        Row("campaigns", f"worker's memory, after {many:,} recipients / after {FEW:,}",
            after / before, at_most=1.2),
        Row("campaigns", f"messages a CPU second, campaign of {many:,} / a run a recipient",
            journey / sum(costs.values()), at_least=10),
        Row("campaigns", f"events in the history of a campaign of {many:,}", events,
            at_most=2_000),
        Row("campaigns", f"a campaign of {many:,}: messages", many / took, "/s"),
    ]  # fmt: skip


async def _campaign(bench: Bench, name: str, number: int) -> dict[str, float]:
    """Send a campaign; return the CPU milliseconds per message, by part."""
    await _fill(bench.url, name, number)
    one = Campaign(
        name,
        to=Audience(name, trait("wave") == name),
        message=Message(EMAIL, useful_for=days(2), topic="news", template="message"),
    )
    project = replace(bench.sojourn.project, campaigns=Campaigns([one]))
    folder = Path(project.templates[0])
    (folder / name).mkdir()
    (folder / name / "message.email.en.html").write_text(WORDS)
    before = bench.cpu()
    await launching.launch(
        bench.sojourn, one, by="bench", approved=launching.digest_of(bench.sojourn, one)
    )
    handle = bench.client.get_workflow_handle(PREFIX + name, result_type=CampaignCounts)
    counts = await asyncio.wait_for(handle.result(), STUCK.total_seconds())
    after = bench.cpu()
    if counts.sent != number:  # a campaign whose template fails is paused, and then never ends
        raise SojournError(f"{counts}; see {bench.log}")
    return {part: 1000 * (after[part] - before[part]) / number for part in before}


async def _journeys(bench: Bench, name: str, number: int) -> dict[str, float]:
    """Send messages by a run for each; return the CPU milliseconds per message, by part."""
    await _fill(bench.url, name, number)
    connection = await asyncpg.connect(bench.url)
    try:
        starts = await connection.fetch(STARTS, name, number)
    finally:
        await connection.close()
    now = datetime.now(UTC)
    enrolments = [
        Enrolment(
            customer_id=row["customer_id"],
            start=Heard(id=f"s-{row['customer_id']}", name="Signed Up", at=now, seq=row["seq"]),
            edition=EDITION,
        )
        for row in starts
    ]

    async def one(enrolment: Enrolment) -> None:
        handle = await bench.client.start_workflow(
            NAME,
            enrolment,
            id=routing.workflow_id(NAME, enrolment.customer_id, ""),
            task_queue=QUEUE,
            search_attributes=search_attributes(NAME, enrolment.customer_id),
            execution_timeout=STUCK,
        )
        result = Result.model_validate(await handle.result())
        if [one.status for one in result.messages] != [Status.SENT]:
            raise SojournError(f"{result}; see {bench.log}")

    before = bench.cpu()
    await in_lanes(enrolments, IN_FLIGHT, one)
    after = bench.cpu()
    return {part: 1000 * (after[part] - before[part]) / number for part in before}


async def _fill(url: str, name: str, number: int) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(CUSTOMERS, name, number)
        await connection.execute(CONSENTS, name, number)
        for table in ("customers", "consents"):
            await connection.execute(f"ANALYZE {table}")
    finally:
        await connection.close()
