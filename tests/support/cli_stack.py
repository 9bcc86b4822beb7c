"""The command line in tests: it runs in this process, with a real server, worker and database."""

import asyncio
import json
import shutil
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio

from sojourn.cli.app import main
from sojourn.cli.local.stack import Server
from sojourn.dispatch import Sojourn
from sojourn.domain.customer import read_identity
from sojourn.domain.reports import reference
from sojourn.serving import worker
from sojourn.settings import Settings
from sojourn.store import Store
from sojourn.store.tables import AttemptRow, ContentRow, LedgerRow, ReportRow
from tests.support.crowd import crowd

NOWHERE = "127.0.0.1:1"


@dataclass(frozen=True)
class Answer:
    """The output and the exit code of a command."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def fault(self) -> str:
        """Return the one line on standard error."""
        (line,) = self.err.splitlines()
        assert line.startswith("sojourn: ")
        return line.removeprefix("sojourn: ")


class Cli:
    """The `sojourn` command, run in this process as a shell would run it."""

    def __init__(
        self,
        sojourn: Sojourn,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
        address: str,
    ) -> None:
        self.sojourn = sojourn
        self.store = sojourn.store
        self.home = sojourn.settings.home
        self._monkeypatch = monkeypatch
        self._capsys = capsys
        for name, value in {
            "SOJOURN_HOME": str(self.home),
            "SOJOURN_DATABASE_URL": sojourn.settings.store_url,
            "SOJOURN_QUIET_HOURS": "off",
            "TEMPORAL_ADDRESS": address,
            "TEMPORAL_NAMESPACE": "default",
        }.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr("sojourn.cli.running.SETTLE_SECONDS", 0)  # the interpreter goes on

    async def __call__(self, *arguments: object) -> Answer:
        self._monkeypatch.setattr(sys, "argv", ["sojourn", *(str(a) for a in arguments)])
        self._capsys.readouterr()
        code = await asyncio.to_thread(main)
        said = self._capsys.readouterr()
        assert "Traceback" not in said.err
        return Answer(code, said.out, said.err)

    async def until(
        self, *arguments: object, holds: Callable[[Answer], bool], seconds: float = 15
    ) -> Answer:
        """Repeat a command until its answer is as expected."""
        deadline = asyncio.get_running_loop().time() + seconds
        while not holds(answer := await self(*arguments)):
            assert asyncio.get_running_loop().time() < deadline, answer
            await asyncio.sleep(0.05)
        return answer

    async def identify(self, customer_id: str | None = None, **traits: Any) -> str:
        """Store a customer with an e-mail address who agreed to e-mails, unless traits differ.

        The address is of this customer alone: two who share one are told a thing once.
        """
        customer_id = customer_id or f"c-{uuid4().hex[:10]}"
        await self.sojourn.identify(
            read_identity(
                {
                    "email": f"{customer_id}@example.com",
                    "marketingConsent": {"email": True},
                    **{name: value for name, value in traits.items() if value is not None},
                },
                customer_id=customer_id,
                message_id=str(uuid4()),
                at=datetime(2024, 1, 1, 9, tzinfo=UTC),
            )
        )
        return customer_id

    async def decided(
        self, customer_id: str, content: dict[str, Any] | None = None, **row: Any
    ) -> int:
        """Store a row of the ledger as the engine would; return its number."""
        workflow_id = row.pop("workflow_id", f"abandoned-cart:{customer_id}:k1")
        journey = workflow_id.partition(":")[0]
        n, step = row.pop("n", 1), row.pop("step", "reminder")
        enrolment = row.pop("enrolment", "e")
        message_id = f"{workflow_id}/{enrolment}/{n}-{step}"
        channel = row.pop("channel", "email")
        at = row.pop("at")
        entry = LedgerRow(
            ledger_key=f"{message_id}/{channel}",
            reference=reference(f"{message_id}/{channel}"),
            message_id=message_id,
            workflow_id=workflow_id,
            enrolment=enrolment,
            journey=journey,
            customer_id=customer_id,
            n=n,
            step=step,
            template=step,
            channel=channel,
            message_class="promotional",
            topic="cart",
            due_at=at,
            decided_at=at,
            **{"state": "sent", **row},
        )
        async with self.store.transaction() as session:
            session.add(entry)
            await session.flush()
            assert entry.id is not None
            if content is not None:
                session.add(
                    ContentRow(ledger_id=entry.id, address="ada@example.com", content=content)
                )
        return entry.id

    async def attempted(self, ledger_id: int, *, at: datetime, **row: Any) -> None:
        """Store an attempt at a message, accepted by the provider unless the fields differ."""
        answered = {"state": "accepted", "settled_at": at, "settled_by": "answer"}
        values = {"attempt": 1, "provider": "postmark", **answered, **row}
        async with self.store.transaction() as session:
            session.add(AttemptRow(ledger_id=ledger_id, submitted_at=at, journey_at=at, **values))

    async def reported(self, ledger_id: int, kind: str, *, at: datetime, detail: str = "") -> None:
        """Store a provider's report on a message of the ledger."""
        async with self.store.transaction() as session:
            session.add(
                ReportRow(
                    provider="postmark",
                    event_id=str(uuid4()),
                    ledger_id=ledger_id,
                    kind=kind,
                    at=at,
                    received_at=at,
                    detail=detail,
                )
            )


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def served(
    temporal: Server, tmp_path_factory: pytest.TempPathFactory, migrated_database: Path
) -> AsyncIterator[tuple[Sojourn, Server]]:
    """Serve the queues that the commands use, on Temporal's dev server."""
    home = tmp_path_factory.mktemp("served")
    database = home / "served.db"
    shutil.copy(migrated_database, database)
    settings = Settings(home=home, database_url=f"sqlite:///{database}", quiet_hours=None)
    async with await Store.open(settings.store_url) as store:
        await crowd(store)
        async with worker.serving(temporal.client, store, settings):
            yield Sojourn(temporal.client, store, settings), temporal


@pytest.fixture
def cli(
    served: tuple[Sojourn, Server],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Cli:
    """Yield the command line, with everything running."""
    sojourn, server = served
    return Cli(sojourn, monkeypatch, capsys, server.address)


@pytest_asyncio.fixture(loop_scope="session")
async def offline(
    tmp_path: Path,
    migrated_database: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> AsyncIterator[Cli]:
    """Yield the command line, with its own database and no Temporal server."""
    database = tmp_path / "offline.db"
    shutil.copy(migrated_database, database)
    settings = Settings(home=tmp_path, database_url=f"sqlite:///{database}", quiet_hours=None)
    async with await Store.open(settings.store_url) as store:
        client: Any = None  # no command may reach Temporal here
        yield Cli(Sojourn(client, store, settings), monkeypatch, capsys, NOWHERE)
