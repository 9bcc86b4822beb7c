"""After an erasure no byte of a person is left: database, its log, Temporal, logs, metrics.

Ids of customers are no values of a person by themselves: logs and Temporal have them.
"""

import base64
import json
import logging
import re
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import text
from sqlmodel import select
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.runtime import PrometheusConfig, Runtime, TelemetryConfig

from sojourn.cli.local.processes import free_port
from sojourn.cli.local.stack import dev_server
from sojourn.cli.travel import forward
from sojourn.dispatch import Sojourn, erasing, reports
from sojourn.domain.errors import UnknownName
from sojourn.domain.messages import Channel
from sojourn.domain.reports import Kind, Report
from sojourn.domain.stopping import Meaning
from sojourn.rendering.answers import Answers, Shop
from sojourn.sending.answering import answer_replies
from sojourn.serving import worker
from sojourn.settings import Settings
from sojourn.store import Store
from sojourn.store.tables import LedgerRow, RunRow
from tests.support.gateway_server import Served
from tests.support.gateway_server import serving as gateway
from tests.support.postgres import Postgres, find

MARK = "qzx"
"""Stands in every value of the person, so that none is there by chance."""
ZLIB = re.compile(rb"\x78[\x01\x5e\x9c\xda]|\x1f\x8b\x08")


def key(letter: str) -> str:
    """Return an id of a thing: so long that no other bytes are like one of its ways by chance."""
    return f"{letter}-{MARK}-4711"


def written(value: str) -> Iterator[bytes]:
    """Yield the ways in which a value may stand in a file."""
    plain = value.encode()
    yield plain
    yield value.encode("utf-16-le")
    yield value.encode("utf-16-be")
    yield json.dumps(value)[1:-1].encode()
    yield quote(value, safe="").encode()
    for offset in range(3):
        whole = base64.b64encode(b"\0" * offset + plain)
        first, last = -(-offset * 8 // 6), (offset + len(plain)) * 8 // 6
        yield whole[first:last]
        yield whole[first:last].replace(b"+", b"-").replace(b"/", b"_")


def found_in(data: bytes, values: Iterable[str]) -> set[str]:
    """Return the values that stand in bytes, plain or in what zlib packed."""
    parts = [data]
    for begin in ZLIB.finditer(data):
        try:
            parts.append(zlib.decompressobj(wbits=47).decompress(data[begin.start() :], 1_000_000))
        except zlib.error:
            continue
    return {value for value in values for one in written(value) for part in parts if one in part}


def found_under(folders: Iterable[Path], values: Iterable[str]) -> dict[str, set[str]]:
    told = {}
    for folder in folders:
        for file in sorted(folder.rglob("*")):
            if file.is_file() and (found := found_in(file.read_bytes(), values)):
                told[str(file.relative_to(folder))] = found
    return told


@pytest.mark.parametrize("value", ["Zoë qzx", "ada+qzx@shop.example"])
def test_the_search_finds_what_is_there(value: str) -> None:
    plain = value.encode()
    for offset in range(4):
        whole = b"." * offset + plain + b"..."
        packed = zlib.compress(b"x" * 100 + whole)
        for kept in (whole, base64.b64encode(whole), base64.urlsafe_b64encode(whole), packed):
            assert found_in(b"abc" + kept, [value]) == {value}
    assert found_in(quote(value).encode(), [value])
    assert found_in(value.encode("utf-16"), [value])
    assert not found_in(b"nothing of hers", [value])


@pytest.fixture
def own_postgres() -> Iterator[Postgres]:
    """Run a PostgreSQL server that has nothing of other tests: all of its files are searched."""
    commands = find()
    if commands is None:
        pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    server = Postgres(commands)
    server.start()
    try:
        yield server
    finally:
        server.stop()


class Zoe:
    """A person, as she tells of herself, and everybody of her."""

    def __init__(self) -> None:
        self.id, self.anonymous = f"c-{uuid4().hex[:12]}", f"anon-{uuid4().hex[:12]}"
        self.email, self.former = f"ada.{MARK}@mailbox.example", f"former.{MARK}@mailbox.example"
        self.number, self.name = "+393337654321", f"Zoë{MARK}"
        self.token, self.note = f"token-{MARK}-0123456789", f"gift for {MARK} aunt"
        self.traits: dict[str, Any] = {
            "email": self.email,
            "phone": self.number,
            "firstName": self.name,
            "favourite": f"orchids {MARK}",
            "marketingConsent": {"email": True, "sms": True, "push": True},
        }
        self.personal = [
            self.email, self.former, self.number, self.name, self.token, self.note,
            f"orchids {MARK}", f"words {MARK}", f"550 no mailbox {MARK}",
            f"yes of {MARK}", f"form of {MARK}",
        ]  # fmt: skip
        self.keys = [key(letter) for letter in "akso"]
        """Keys of carts, a subscription, an order: Temporal has them in the ids of runs."""

    async def lives(self, served: Served) -> None:
        """Go through every journey that ships, a quarantine and an alias."""
        for at, traits in (("2024-01-08T10:00:00Z", {"email": self.former}), (None, self.traits)):
            await self.says(served, "identify", traits=traits, timestamp=at)
        await self.does(served, "Product Added", userId=None, anonymousId=self.anonymous,
                        properties={"cart_id": key("a"), "product_id": "p"})  # fmt: skip
        await self.says(served, "alias", previousId=self.anonymous)
        await self.does(served, "Signed Up", properties={"plan": "pro"})
        asked = {"channel": "email", "topic": "newsletter", "proof": f"form {MARK}"}
        await self.does(served, "Opt-In Requested", properties=asked)
        await self.does(
            served, "Product Added", properties={"cart_id": key("k"), "product_id": "p"}
        )
        ends = datetime.now(UTC) + timedelta(days=10)
        await self.does(
            served,
            "Subscription Started",
            properties={"subscription_id": key("s"), "expires_at": ends.isoformat()},
        )
        asked = {"wording": f"yes of {MARK}", "proof": f"form of {MARK}", "address": self.email}
        await self.does(
            served,
            "Opt-In Requested",
            properties={"channel": "email", "topic": "newsletter", **asked},
        )
        broken = {"price": "cheap", "to": f"Zoë <{self.email}>", "note": self.note, "cart_id": "c"}
        await self.does(served, "Product Added", properties=broken, status=400)

    async def buys(self, served: Served) -> None:
        """Order, with words that nobody asked for, by an app: the texts went to the number."""
        await self.says(served, "identify", traits={"pushToken": self.token})
        sent = {"order_id": key("o"), "note_to_us": self.note}
        await self.does(served, "Order Completed", properties=sent)

    async def does(self, served: Served, event: str, **call: Any) -> None:
        await self.says(served, "track", event=event, **call)

    async def says(self, served: Served, kind: str, status: int = 200, **call: Any) -> None:
        whole = {"userId": self.id, "messageId": str(uuid4()), **call}
        answer = await served.post(f"/v1/{kind}", {k: v for k, v in whole.items() if v is not None})
        assert answer.status_code == status, answer.text
        await served.told()

    def reports(self, sent: LedgerRow) -> list[Report]:
        """Return what providers tell: a bounce, words, a wish for help, a stop."""

        def by_phone(kind: Kind, meaning: Meaning, words: str) -> Report:
            return Report(
                event_id=str(uuid4()), kind=kind, at=datetime.now(UTC), channel=Channel.SMS,
                address=self.number, text=words, meaning=meaning,
            )  # fmt: skip

        bounce = Report(
            event_id=str(uuid4()),
            kind=Kind.BOUNCED,
            at=datetime.now(UTC),
            channel=Channel.EMAIL,
            reference=sent.reference,
            address=self.email,
            hard=True,
            detail=f"550 no mailbox {MARK}",
        )
        return [
            bounce,
            by_phone(Kind.REPLIED, Meaning.OTHER, f"words {MARK}"),
            by_phone(Kind.REPLIED, Meaning.HELP, "help"),
            by_phone(Kind.UNSUBSCRIBED, Meaning.STOP, "stop"),
        ]


async def to_the_end(client: Client, store: Store, zoe: Zoe) -> set[str]:
    """Move the clocks of all her runs until they end; return their journeys."""
    async with store.reading() as session:
        runs = (await session.exec(select(RunRow))).all()
    for run in runs:
        for _ in range(9):
            with suppress(UnknownName):  # it has ended
                await forward(client, run.workflow_id, timedelta(days=2))
    return {run.journey for run in runs}


async def sent_by(store: Store, channel: Channel) -> LedgerRow:
    async with store.reading() as session:
        query = select(LedgerRow).where(LedgerRow.channel == channel, LedgerRow.state == "sent")
        row = (await session.exec(query.limit(1))).first()
    assert row is not None, f"nothing went out by {channel}"
    return row


async def measured(address: str, served: Served) -> bytes:
    async with httpx.AsyncClient() as http:
        return (await http.get(f"http://{address}/metrics")).content + (
            await served.operations.get("/metrics")
        ).content


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
async def test_no_byte_of_an_erased_person_is_left(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    kind: str,
) -> None:
    caplog.set_level(logging.INFO)
    home, stack = tmp_path / "home", tmp_path / "temporal"
    home.mkdir()
    stack.mkdir()
    folders = {"store": home, "temporal": stack}
    url = f"sqlite:///{home}/sojourn.db"
    if kind == "postgresql":
        server: Postgres = request.getfixturevalue("own_postgres")
        url = await server.create()
        folders["store"] = server._folder
    zoe, address = Zoe(), f"127.0.0.1:{free_port()}"
    everything = [*zoe.personal, *zoe.keys]
    settings = Settings(home=home, database_url=url, secret_key="hush", quiet_hours=None)
    async with await Store.open(settings.store_url, migrate=True) as store:
        await keep_no_log(store)
        runtime = Runtime(telemetry=TelemetryConfig(metrics=PrometheusConfig(bind_address=address)))
        async with dev_server(stack, ports=False) as temporal:
            client = await Client.connect(
                temporal.address, data_converter=pydantic_data_converter, runtime=runtime
            )
            sojourn = Sojourn(client, store, settings)
            async with (
                worker.serving(client, store, settings) as carriers,
                gateway(sojourn) as served,
            ):
                await zoe.lives(served)
                assert await to_the_end(client, store, zoe) == set(sojourn.project.journeys)
                await zoe.buys(served)
                await sent_by(store, Channel.SMS)
                for report in zoe.reports(await sent_by(store, Channel.EMAIL)):
                    await reports.take(sojourn, "carrier", report, datetime.now(UTC))
                words = Answers(sojourn.project.templates, Shop("shop", "", ""), "en")
                assert await answer_replies(store, carriers, words) == 2
                await to_disk(store, analyze=True)
                before = found_under([folders["store"]], everything)
                assert set().union(*before.values()) == set(everything), "the search finds them all"
                erasure, _ = await erasing.ask(store, zoe.anonymous, why="asked for it", by="anna")
                assert await erasing.finish_soon(store, client, erasure.id or 0, home, rewrite=True)
                # what comes later brings nothing back
                await zoe.lives(served)
                await zoe.buys(served)
                late = Report(
                    event_id=str(uuid4()), kind=Kind.COMPLAINED, at=datetime.now(UTC),
                    channel=Channel.EMAIL, address=zoe.former, detail=f"550 no mailbox {MARK}",
                )  # fmt: skip
                await reports.take(sojourn, "carrier", late, datetime.now(UTC))
                for one in (zoe.id, zoe.anonymous):
                    open_runs = client.list_workflows(f'CustomerId = "{one}"')
                    assert [run.id async for run in open_runs] == []
                numbers = await measured(address, served)
                assert b"sojourn_gateway_requests" in numbers
                assert b"temporal_" in numbers
                assert found_in(numbers, [*everything, zoe.id, zoe.anonymous]) == set()
        await to_disk(store)
    assert found_under([folders["store"]], [*everything, zoe.id, zoe.anonymous]) == {}
    # Temporal has ids and keys of things in files that it writes over in its own time
    assert found_under([folders["temporal"]], zoe.personal) == {}
    said = caplog.text + "".join(capfd.readouterr())
    assert "route=/v1/identify" in said
    assert found_in(said.encode(), everything) == set()


async def keep_no_log(store: Store) -> None:
    """Have PostgreSQL remove old segments of its log, as docs/rights.md says.

    This comes before anything is written: a checkpoint that the server makes by its own clock would
    keep a segment of before for new rows, with what is in it.
    """
    if store.engine.dialect.name != "postgresql":
        return
    bare = store.engine.execution_options(isolation_level="AUTOCOMMIT")
    async with bare.connect() as connection:
        await connection.execute(text("ALTER SYSTEM SET wal_recycle = off"))
        await connection.execute(text("SELECT pg_reload_conf()"))


async def to_disk(store: Store, *, analyze: bool = False) -> None:
    """Have the database write what it holds in memory, and give up the log that it needs no more.

    Args:
        store: open.
        analyze: on PostgreSQL, gather statistics first: they quote values of columns.
    """
    if store.engine.dialect.name != "postgresql":
        return
    bare = store.engine.execution_options(isolation_level="AUTOCOMMIT")
    async with bare.connect() as connection:
        for statement in (
            *(["ANALYZE"] if analyze else []),
            "SELECT pg_switch_wal()",
            "CHECKPOINT",
        ):
            await connection.execute(text(statement))
