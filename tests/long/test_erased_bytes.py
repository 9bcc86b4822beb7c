"""After an erasure no byte of a person is left: the database's files, Temporal's, the log."""

import asyncio
import base64
import json
import logging
import re
import zlib
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlmodel import select

from sojourn.cli.local.stack import dev_server
from sojourn.dispatch import Sojourn, erasing, quarantine
from sojourn.domain.alias import Alias
from sojourn.domain.customer import read_identity
from sojourn.domain.errors import BadEvent
from sojourn.domain.events import OrderCompleted, ProductAdded, SignedUp, SubscriptionStarted
from sojourn.domain.messages import Channel
from sojourn.domain.reports import Kind, Report
from sojourn.serving import worker
from sojourn.settings import Settings
from sojourn.store import Store, reports
from sojourn.store.tables import LedgerRow
from tests.support.postgres import Postgres

MARK = "qzx"
"""Stands in every value of the person, so that none is there by chance."""
ZLIB = re.compile(rb"\x78[\x01\x5e\x9c\xda]|\x1f\x8b\x08")


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


async def lived(sojourn: Sojourn, ada: str, anonymous: str) -> list[str]:
    """Let a person go through every journey, a bounce, a quarantine and an alias."""
    email, number = f"ada.{MARK}@mailbox.example", "+393337654321"
    values: dict[str, Any] = {
        "email": email,
        "phone": number,
        "firstName": f"Zoë{MARK}",
        "pushToken": f"token-{MARK}-0123456789",
        "favourite": f"orchids {MARK}",
        "marketingConsent": {"email": True},
    }
    old = f"former.{MARK}@mailbox.example"
    for hours, traits in enumerate(({"email": old, "firstName": "X"}, values)):
        await sojourn.identify(
            read_identity(
                traits,
                customer_id=ada,
                message_id=str(uuid4()),
                at=datetime.now(UTC) - timedelta(hours=2 - hours),
            )
        )
    note = f"gift for {MARK} aunt"
    await sojourn.publish(ProductAdded(customer_id=anonymous, cart_id=f"a{MARK}", product_id="p"))
    await sojourn.alias(
        Alias(previous_id=anonymous, customer_id=ada, message_id=str(uuid4()), at=datetime.now(UTC))
    )
    await sojourn.publish(SignedUp(customer_id=ada, email=email, first_name=f"Zoë{MARK}"))
    await sojourn.publish(ProductAdded(customer_id=ada, cart_id=f"k{MARK}", product_id="p"))
    await sojourn.publish(
        SubscriptionStarted(
            customer_id=ada,
            subscription_id=f"s{MARK}",
            expires_at=datetime.now(UTC) + timedelta(days=60),
        )
    )
    await sojourn.track(
        OrderCompleted.event_name,
        {"order_id": f"o{MARK}", "note_to_us": note},
        message_id=str(uuid4()),
        customer_id=ada,
        occurred_at=datetime.now(UTC),
    )
    call = {"type": "track", "userId": ada, "properties": {"to": f"Zoë <{email}>", "note": note}}
    await quarantine.keep_request(
        sojourn.store, call, BadEvent("total", "is missing"), source="shop", name="shop order"
    )
    sent = await _sent(sojourn.store, ada)
    report = Report(
        event_id=str(uuid4()),
        kind=Kind.BOUNCED,
        at=datetime.now(UTC),
        channel=Channel.EMAIL,
        reference=sent.reference,
        address=email,
        hard=True,
        detail=f"550 no mailbox {email}",
    )
    async with sojourn.store.transaction() as session:
        assert await reports.take(session, "postmark", report, datetime.now(UTC)) is not None
    return [
        email, old, number, f"Zoë{MARK}", f"token-{MARK}-0123456789", f"orchids {MARK}", note,
        f"a{MARK}", f"k{MARK}", f"s{MARK}", f"o{MARK}",
    ]  # fmt: skip


async def _sent(store: Store, ada: str) -> LedgerRow:
    deadline = asyncio.get_running_loop().time() + 30
    while True:
        async with store.reading() as session:
            query = select(LedgerRow).where(LedgerRow.customer_id == ada, LedgerRow.state == "sent")
            if (row := (await session.exec(query)).first()) is not None:
                return row
        assert asyncio.get_running_loop().time() < deadline, "no welcome was sent"
        await asyncio.sleep(0.05)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
async def test_no_byte_of_an_erased_person_is_left(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    kind: str,
) -> None:
    caplog.set_level(logging.INFO)
    home, stack = tmp_path / "home", tmp_path / "temporal"
    home.mkdir()
    stack.mkdir()
    folders = {"store": home, "temporal": stack}
    url = f"sqlite:///{home}/sojourn.db"
    if kind == "postgresql":
        server: Postgres = request.getfixturevalue("postgres")
        url = await server.create()
        folders["store"] = server._folder / "data" / "base"
    ada, anonymous = f"c-{uuid4().hex[:12]}", f"anon-{uuid4().hex[:12]}"
    settings = Settings(home=home, database_url=url, secret_key="hush")
    store = await Store.open(settings.store_url, migrate=True)
    async with (
        dev_server(stack, ports=False) as temporal,
        worker.serving(temporal.client, store, settings),
    ):
        sojourn = Sojourn(temporal.client, store, settings)
        values = await lived(sojourn, ada, anonymous)
        await _to_disk(store)
        before = found_under([folders["store"]], values)
        assert set().union(*before.values()) == set(values), "the search finds them all"
        erasure, _ = await erasing.ask(store, anonymous, why="asked for it", by="anna")
        assert await erasing.finish_soon(
            store, temporal.client, erasure.id or 0, home, rewrite=True
        )
        # what comes later brings nothing back
        await sojourn.publish(
            ProductAdded(customer_id=ada, cart_id=f"k{MARK}", product_id=f"p{MARK}")
        )
        await sojourn.drain()
        for one in (ada, anonymous):
            open_runs = temporal.client.list_workflows(f'CustomerId = "{one}"')
            assert [run.id async for run in open_runs] == []
    await _to_disk(store)
    await store.close()
    assert found_under([folders["store"]], [*values, f"p{MARK}", ada, anonymous]) == {}
    # Temporal has ids and keys of things in files that it writes over in its own time
    personal = [one for one in values if not re.fullmatch(rf"[akso]{MARK}", one)]
    assert found_under([folders["temporal"]], personal) == {}
    assert found_in(caplog.text.encode(), personal) == set()


async def _to_disk(store: Store) -> None:
    """Have the database write what it holds in memory."""
    if store.engine.dialect.name == "postgresql":
        bare = store.engine.execution_options(isolation_level="AUTOCOMMIT")
        async with bare.connect() as connection:
            await connection.execute(text("CHECKPOINT"))
