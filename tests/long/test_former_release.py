"""The former release and this one side by side, on PostgreSQL, under load, forward and back.

The former release comes out of the history of this repository: the test needs git and a clone with
its whole history (`git fetch --unshallow`), and PostgreSQL. Its code runs with this code's
libraries.
"""

import asyncio
import json
import os
import random
import re
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from temporalio.client import Client

from sojourn.cli.local.processes import HOST, Child, free_port, python, running
from sojourn.cli.local.stack import Server
from sojourn.store import Store, ledger
from sojourn.store.tables import LedgerRow
from tests.support.former import unpack
from tests.support.installation import Sender
from tests.support.project import SHOP

FORMER = "a0e0f36"
"""The commit of the release before this one."""
ROOT = Path(__file__).resolve().parents[2]
REMINDED_NOW = timedelta(hours=24, minutes=1)
A_PHASE = 6.0
"""Seconds of load in each phase."""
FAULTS = re.compile(
    r"Traceback|NonDeterminism|NotNullViolation|UndefinedColumn|DeadlockDetected|IntegrityError"
)


@pytest.fixture(scope="module")
def former(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Unpack the former release."""
    folder = tmp_path_factory.mktemp("former")
    if not unpack(FORMER, folder):
        pytest.skip(
            f"the history has no commit {FORMER}: the test needs git and a whole clone "
            "(git fetch --unshallow)"
        )
    return folder


class Release:
    """The code of one release, and its processes."""

    def __init__(
        self,
        name: str,
        folder: Path,
        home: Path,
        variables: dict[str, str],
        project: Path | None = None,
    ) -> None:
        self.name = name
        self.home = home
        self._folder = folder
        self._variables = {
            **variables,
            "PYTHONPATH": str(folder),
            "SOJOURN_PROJECT": str(project or folder),
            "SOJOURN_HOME": str(home),
        }
        self._opened = AsyncExitStack()

    def _command(self, *arguments: str) -> list[str]:
        # in the release's folder: what lies in the working directory is imported first
        return ["sh", "-c", 'cd "$0" && exec "$@"', str(self._folder), *python(*arguments)]

    async def run(self, *arguments: str) -> str:
        """Run its `sojourn` command, and return what it printed."""
        process = await asyncio.create_subprocess_exec(
            *self._command("-m", "sojourn", *arguments),
            env={**os.environ, **self._variables},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
        assert process.returncode == 0, err.decode()
        return out.decode()

    async def start(self) -> str:
        """Start its worker and its gateway; return the gateway's address."""
        port, operations = free_port(), free_port()
        for name, command in {
            "worker": ("-m", "sojourn.serving", "--until-stdin-closes"),
            "gateway": (
                *("-m", "sojourn.cli.local.leash", "35"),
                *python("-m", "sojourn", "gateway", "--port", str(port)),
            ),
        }.items():
            child = Child(
                f"the {name} of the {self.name} release",
                self._command(*command),
                self.home / f"{self.name}-{name}.log",
                env={
                    **self._variables,
                    "SOJOURN_GATEWAY_OPERATIONS_ADDRESS": f"{HOST}:{operations}",
                },
            )
            await self._opened.enter_async_context(running(child))
        url = f"http://{HOST}:{port}"
        async with httpx.AsyncClient() as http:

            async def answers() -> bool:
                for base in (f"http://{HOST}:{operations}", url):  # the former one has but one port
                    with suppress(httpx.TransportError):
                        if (await http.get(f"{base}/readyz")).is_success:
                            return True
                return False

            await child.ready(answers)
        return url

    async def stop(self) -> None:
        """Let its processes end in good order, as a deploy does."""
        await self._opened.aclose()
        self._opened = AsyncExitStack()

    def faults(self) -> Counter[str]:
        """Return what its logs hold that no log should."""
        said = "".join(log.read_text() for log in self.home.glob(f"{self.name}-*.log"))
        return Counter(FAULTS.findall(said))


@dataclass
class Load:
    """Customers whose carts are left, bought or filled again, one after the other.

    Args:
        key: the write key.
        urls: the gateways that calls go to at present.
    """

    key: str
    urls: list[str]
    reminded: list[str] = field(default_factory=list)
    bought: list[str] = field(default_factory=list)
    over: bool = False

    async def go_on(self) -> None:
        """Send until it is over."""
        number = 0
        rnd = random.Random(7)
        async with AsyncExitStack() as opened:
            senders: dict[str, Sender] = {}
            while not self.over:
                number += 1
                url = self.urls[number % len(self.urls)]
                if url not in senders:
                    http = httpx.AsyncClient(base_url=url, auth=(self.key, ""), timeout=20)
                    senders[url] = Sender(await opened.enter_async_context(http), rnd)
                await self._customer(senders[url], number)
                await asyncio.sleep(0.05)

    async def _customer(self, sender: Sender, number: int) -> None:
        who = f"c{number}"
        traits = {"email": f"{who}@shop.example", "marketingConsent": {"email": True}}
        await self._send(sender, "identify", who, {"traits": traits})
        buys = number % 3 == 0
        ago = timedelta(hours=1) if buys else REMINDED_NOW
        await self._send(sender, "track", who, _added(ago))
        if buys:
            order = {"cart_id": "k", "order_id": f"o{number}"}
            await self._send(
                sender, "track", who, {"event": "Order Completed", "properties": order}
            )
        (self.bought if buys else self.reminded).append(who)

    async def _send(self, sender: Sender, kind: str, who: str, body: dict[str, Any]) -> None:
        call = {"userId": who, "messageId": f"{who}-{body.get('event', kind)}", **body}
        await sender.send(f"/v1/{kind}", call)


def _added(ago: timedelta) -> dict[str, Any]:
    return {
        "event": "Product Added",
        "properties": {"cart_id": "k", "product_id": "p"},
        "timestamp": (datetime.now(UTC) - ago).isoformat(),
    }


@asynccontextmanager
async def under(load: Load) -> AsyncIterator[None]:
    """Keep the load up while the block lasts; a sender that fails fails the test."""
    going = asyncio.create_task(load.go_on())
    try:
        yield
    finally:
        load.over = True
        await going


async def rows_of(store: Store) -> list[LedgerRow]:
    async with store.reading() as session:
        return list(await ledger.every(session))


async def stuck(client: Client) -> list[str]:
    """Return runs that cannot go on: their history and the code do not fit."""
    query = "ExecutionStatus = 'Running' AND TemporalReportedProblems IS NOT NULL"
    return [run.id async for run in client.list_workflows(query)]


async def test_the_former_release_runs_beside_this_one_and_takes_over_again(
    former: Path, postgres: Any, own_temporal: Server, tmp_path: Path
) -> None:
    url = await postgres.create()
    variables = {
        "SOJOURN_DATABASE_URL": url,
        "SOJOURN_QUIET_HOURS": "off",
        "SOJOURN_SECRET_KEY": "a key that both releases have",
        "TEMPORAL_ADDRESS": own_temporal.address,
        "TEMPORAL_NAMESPACE": "default",
    }
    old = Release("former", former, tmp_path, variables)
    # a journey that the former release does not know would write more, and wait for this one
    new = Release("new", ROOT, tmp_path, variables, SHOP)
    await old.run("migrate")
    key = json.loads(await old.run("keys", "add", "load", "--json"))["key"]
    load = Load(key, [await old.start()])
    try:
        async with under(load):
            await asyncio.sleep(A_PHASE)
            told = await new.run("migrate")  # under load, with the former release at work
            assert "can take over again" in told
            await asyncio.sleep(A_PHASE)
            load.urls.append(await new.start())  # side by side
            await asyncio.sleep(A_PHASE)
            del load.urls[0]
            await asyncio.sleep(1)
            await old.stop()  # forward
            await asyncio.sleep(A_PHASE)
            load.urls.append(await old.start())  # it starts on the newer schema
            await asyncio.sleep(1)
            del load.urls[0]
            await asyncio.sleep(1)
            await new.stop()  # and back
            await asyncio.sleep(A_PHASE)
            load.urls.append(await new.start())  # forward for good
            await asyncio.sleep(1)
            del load.urls[0]
            await asyncio.sleep(1)
            await old.stop()
            await asyncio.sleep(A_PHASE)
        async with await Store.open(url) as store:
            await _sent(store, len(load.reminded))
            found = await rows_of(store)
    finally:
        await old.stop()
        await new.stop()
    assert Counter(row.customer_id for row in found if row.state == "sent") == Counter(
        load.reminded
    )
    assert not [row.ledger_key for row in found if row.possible_duplicate]
    assert not {row.customer_id for row in found if row.state == "sent"} & set(load.bought)
    assert {row.state for row in found} <= {"sent", "skipped"}
    assert await stuck(own_temporal.client) == []
    assert old.faults() == new.faults() == Counter()
    print(f"\n{len(load.reminded)} reminded, {len(load.bought)} bought")  # noqa: T201


async def _sent(store: Store, count: int) -> None:
    deadline = asyncio.get_running_loop().time() + 90
    while sum(row.state == "sent" for row in await rows_of(store)) < count:
        assert asyncio.get_running_loop().time() < deadline, Counter(
            (row.state, row.reason) for row in await rows_of(store)
        )
        await asyncio.sleep(0.2)
