"""Published SDKs of Segment and RudderStack drive runs through the gateway."""

import asyncio
import shlex
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
import rudderstack.analytics
import segment.analytics
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowHandle
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.service import RPCError, RPCStatusCode

from sojourn.cli.local.processes import HOST, Child, free_port, python, running
from sojourn.cli.local.stack import Server
from sojourn.dispatch import Sojourn
from sojourn.gateway.http import faults
from sojourn.store import cards, events, keys, quarantine
from sojourn.store.tables import EventRow
from tests.support.browser import CHROMIUM, shop_front, visit
from tests.support.cli_stack import Cli
from tests.support.gateway_server import Served, serving, settings
from tests.support.lines import Line
from tests.support.markdown import ROOT, blocks
from tests.support.node_packages import LOCKED, node, node_packages  # noqa: F401 (a fixture)

SDKS: dict[str, Callable[..., Any]] = {
    "segment": segment.analytics.Client,
    "rudderstack": rudderstack.analytics.Client,
}
PAGE = ROOT / "docs" / "send-events.md"
BATCHES = 'sojourn_gateway_requests_total{method="POST",route="/v1/batch",status="%d"} %.1f'


@dataclass(frozen=True)
class Shop:
    """A gateway in a process of its own, and the engine behind it."""

    url: str
    key: str
    sojourn: Sojourn

    def run(self, customer_id: str, cart_id: str = "k1") -> WorkflowHandle[Any, Any]:
        workflow_id = f"abandoned-cart:{customer_id}:{cart_id}"
        return self.sojourn.client.get_workflow_handle(workflow_id)

    async def is_running(self, customer_id: str, cart_id: str = "k1") -> bool:
        run = self.run(customer_id, cart_id)
        async with asyncio.timeout(20):
            while True:  # a call is answered before runs are told of it
                try:
                    status = (await run.describe()).status
                except RPCError as error:
                    if error.status is not RPCStatusCode.NOT_FOUND:
                        raise
                    await asyncio.sleep(0.02)
                else:
                    return status is WorkflowExecutionStatus.RUNNING

    async def outcome(self, customer_id: str, cart_id: str = "k1") -> str:
        await self.is_running(customer_id, cart_id)
        result = await asyncio.wait_for(self.run(customer_id, cart_id).result(), 20)
        return str(result["outcome"])

    async def stored(self, customer_id: str) -> list[EventRow]:
        async with self.sojourn.store.reading() as session:
            return list(await events.of_customer(session, customer_id))

    async def email(self, customer_id: str) -> str | None:
        async with self.sojourn.store.reading() as session:
            card = await cards.find(session, customer_id)
        return card.email if card else None


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shop(
    served: tuple[Sojourn, Server], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Shop]:
    sojourn, server = served
    async with sojourn.store.transaction() as session:
        _, key = await keys.add(session, "shop")
    home, port = tmp_path_factory.mktemp("gateway"), free_port()
    operations = f"{HOST}:{free_port()}"
    child = Child(
        "the gateway",
        python("-m", "sojourn", "gateway", "--port", str(port)),
        home / "log",
        env={
            "TEMPORAL_ADDRESS": server.address,
            "SOJOURN_HOME": str(home),
            "SOJOURN_DATABASE_URL": sojourn.settings.store_url,
            "SOJOURN_GATEWAY_OPERATIONS_ADDRESS": operations,
        },
    )
    url = f"http://{HOST}:{port}"
    async with running(child), httpx.AsyncClient(base_url=url) as http:

        async def ready() -> bool:
            try:
                return (await http.get(f"http://{operations}/readyz")).is_success
            except httpx.TransportError:
                return False

        await child.ready(ready)
        yield Shop(url, key, sojourn)


@dataclass
class Sdk:
    """Run a client of a Python SDK in a thread, because it blocks on the network."""

    client: Any
    errors: list[Exception] = field(default_factory=list)

    async def flush(self) -> None:
        await asyncio.to_thread(self.client.flush)


BROWSED = """<html><body><script src="sdk/index.js"></script><script type="module">
const { AnalyticsBrowser } = window.AnalyticsNext
CODE
await analytics.identify('WHO', { email: 'ada@example.com' })
await analytics.track('Product Added', { cart_id: 'k1', product_id: 'p1', price: 12.5 })
await analytics.track('Order Completed', { cart_id: 'k1', order_id: 'o1' })
document.body.textContent = ['all', 'sent'].join(' ')
</script></body></html>"""

MakeSdk = Callable[..., Sdk]
RunShown = Callable[[str], Awaitable[None]]


@pytest.fixture
def make_sdk() -> Iterator[MakeSdk]:
    made = []

    def make(name: str, url: str, key: str, **options: Any) -> Sdk:
        errors: list[Exception] = []
        client = SDKS[name](
            key,
            host=url,
            on_error=lambda error, batch: errors.append(error),
            upload_interval=0.02,
            **options,
        )
        made.append(client)
        return Sdk(client, errors)

    yield make
    for client in made:
        client.join()


# ---- a run, from the first product to the order ----------------------------------------------


@pytest.mark.parametrize("packed", [True, False], ids=["gzip", "plain"])
@pytest.mark.parametrize("name", SDKS)
async def test_the_sdk_for_python_reaches_the_gateway(
    shop: Shop, make_sdk: MakeSdk, customer_id: str, name: str, packed: bool
) -> None:
    sdk = make_sdk(name, shop.url, shop.key, gzip=packed)
    consent = {"email": True}
    sdk.client.identify(customer_id, {"email": "ada@example.com", "marketingConsent": consent})
    product = {"cart_id": "k1", "product_id": "p1", "price": 12.5}
    sdk.client.track(customer_id, "Product Added", product)
    await sdk.flush()
    assert await shop.is_running(customer_id)
    assert await shop.email(customer_id) == "ada@example.com"
    sdk.client.track(customer_id, "Order Completed", {"order_id": "o1", "cart_id": "k1"})
    await sdk.flush()
    assert await shop.outcome(customer_id) == "converted"
    assert sdk.errors == []


async def test_the_sdk_for_node_reaches_the_gateway(
    shop: Shop,
    node_packages: Path,  # noqa: F811
    customer_id: str,
) -> None:
    script = (LOCKED / "segment.js").read_text()
    assert await node(node_packages, script, shop.url, shop.key, customer_id) == ""
    assert await shop.email(customer_id) == "ada@example.com"
    assert await shop.outcome(customer_id) == "converted"


@pytest.mark.parametrize("name", SDKS)
async def test_an_sdk_sends_many_calls_in_batches_and_in_order(
    shop: Shop, make_sdk: MakeSdk, customer_id: str, name: str
) -> None:
    sdk = make_sdk(name, shop.url, shop.key, upload_size=10)
    for number in range(35):
        sdk.client.track(customer_id, "Page Read", {"number": number})
    await sdk.flush()
    rows = sorted(await shop.stored(customer_id), key=lambda row: row.seq or 0)
    assert [row.properties["number"] for row in rows] == list(range(35))
    assert sdk.errors == []


# ---- when the answer is no -------------------------------------------------------------------


@pytest_asyncio.fixture(loop_scope="session")
async def gateway(served: tuple[Sojourn, Server]) -> AsyncIterator[Served]:
    """Serve a gateway that counts its answers for one test alone."""
    sojourn, server = served
    async with serving(Sojourn(server.client, sojourn.store, settings())) as gateway:
        await gateway.ready()
        yield gateway


async def answered(gateway: Served, status: int, times: int) -> bool:
    return BATCHES % (status, times) in (await gateway.operations.get("/metrics")).text


@pytest.mark.parametrize("name", SDKS)
async def test_a_bad_call_of_an_sdk_does_not_hold_up_the_good_ones(
    gateway: Served, make_sdk: MakeSdk, customer_id: str, name: str
) -> None:
    sdk = make_sdk(name, gateway.url, gateway.key)
    for price in (12.5, "much", 13):
        sdk.client.track(customer_id, "Product Added", {"product_id": "p1", "price": price})
    await sdk.flush()
    rows = await gateway.stored(customer_id)
    assert sorted(row.properties["price"] for row in rows) == [12.5, 13]
    async with gateway.store.reading() as session:
        kept = await quarantine.listed(session)
    assert [row.path for row in kept if row.call["userId"] == customer_id] == ["properties.price"]
    assert sdk.errors == []
    assert await answered(gateway, 200, times=1)


@pytest.mark.parametrize("name", SDKS)
async def test_an_sdk_does_not_repeat_a_call_that_is_refused_for_good(
    gateway: Served, make_sdk: MakeSdk, customer_id: str, name: str
) -> None:
    sdk = make_sdk(name, gateway.url, "sj_nobody")
    sdk.client.track(customer_id, "Page Read")
    await sdk.flush()
    (error,) = sdk.errors
    assert "holds no valid write key" in str(error)
    assert await answered(gateway, 401, times=1)


async def test_an_sdk_that_sends_too_fast_is_slowed_down_and_loses_nothing(
    gateway: Served, make_sdk: MakeSdk, customer_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    monkeypatch.setattr(gateway.gateway.tracking.keyring, "_clock", lambda: now)
    async with gateway.store.transaction() as session:
        _, key = await keys.add(session, "slow", rate=2)
    sdk = make_sdk("segment", gateway.url, key, upload_size=2)
    for number in range(3):
        sdk.client.track(customer_id, "Page Read", {"number": number})
    flushed = asyncio.create_task(sdk.flush())
    await gateway.until("/metrics", lambda answer: 'status="429"' in answer.text)
    now = 10.0
    await flushed
    rows = await gateway.stored(customer_id)
    assert sorted(row.properties["number"] for row in rows) == [0, 1, 2]
    assert sdk.errors == []
    assert await answered(gateway, 200, times=2)


async def test_a_call_arrives_once_after_temporal_was_away(
    served: tuple[Sojourn, Server],
    make_sdk: MakeSdk,
    customer_id: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(faults, "RETRY_AWAY", 1)
    sojourn, server = served
    async with Line.to(server.address) as line:
        client = await Client.connect(
            line.address, lazy=True, data_converter=pydantic_data_converter
        )
        impatient = settings(gateway_answer_seconds=0.2)
        async with serving(Sojourn(client, sojourn.store, impatient)) as gateway:
            await gateway.ready()
            await line.cut()
            sdk = make_sdk("segment", gateway.url, gateway.key)
            product = {"cart_id": "k1", "product_id": "p1"}
            sdk.client.track(customer_id, "Product Added", product)
            await sdk.flush()  # is answered: the event is stored
            assert sdk.errors == []
            assert await answered(gateway, 200, times=1)
            (row,) = await gateway.stored(customer_id)
            assert row.routed_at is None
            await line.mend()
            await sojourn.route(customer_id)  # as the sweep of any worker does
            (row,) = await gateway.stored(customer_id)
            assert row.routed_at is not None
    run = Shop(gateway.url, gateway.key, sojourn).run(customer_id)
    assert (await run.describe()).status is WorkflowExecutionStatus.RUNNING


# ---- what docs/send-events.md shows ----------------------------------------------------------


def shown(language: str, shop: Shop, customer_id: str) -> list[str]:
    """Return the page's code in one language, for a customer of the test."""
    replaced = {"sj_...": shop.key, "http://localhost:8080": shop.url, "c42": customer_id}
    found = [block.code for block in blocks(PAGE) if block.language == language]
    for old, new in replaced.items():
        found = [code.replace(old, new) for code in found]
    return found


@pytest.fixture
def run_shown(monkeypatch: pytest.MonkeyPatch) -> RunShown:
    """Run Python as the page has it; undo its changes to the SDKs' modules."""
    sdks = (segment.analytics, rudderstack.analytics)
    for sdk in sdks:
        for name in ("write_key", "host", "default_client"):
            monkeypatch.setattr(sdk, name, None)

    def run(code: str) -> None:
        exec(compile(code, PAGE, "exec"), {})
        for sdk in sdks:
            if sdk.default_client:
                sdk.default_client.join()

    return lambda code: asyncio.to_thread(run, code)


async def said(*command: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return out.decode()


async def test_the_code_on_the_page_fills_a_cart_in_python_and_buys_it_in_node(
    shop: Shop,
    run_shown: RunShown,
    node_packages: Path,  # noqa: F811
    customer_id: str,
) -> None:
    await run_shown(shown("python", shop, customer_id)[0])
    assert await shop.is_running(customer_id, "cart7")
    assert await shop.email(customer_id) == "ada@example.com"
    (in_node,) = [code for code in shown("js", shop, customer_id) if "analytics-node" in code]
    assert await node(node_packages, in_node) == ""
    assert await shop.outcome(customer_id, "cart7") == "converted"


async def test_the_code_on_the_page_changes_two_names_for_rudderstack(
    shop: Shop, run_shown: RunShown, customer_id: str
) -> None:
    segments, rudderstacks = shown("python", shop, customer_id)[:2]
    calls = segments[segments.index("analytics.identify") :]
    await run_shown(rudderstacks + calls)
    assert await shop.is_running(customer_id, "cart7")
    assert await shop.email(customer_id) == "ada@example.com"


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
async def test_the_code_on_the_page_fills_a_cart_by_curl(shop: Shop, customer_id: str) -> None:
    (code,) = [code for code in shown("sh", shop, customer_id) if code.startswith("curl")]
    assert await said("sh", "-c", code) == '{"success":true}'
    (row,) = await shop.stored(customer_id)
    assert row.occurred_at.isoformat() == "2026-01-04T11:45:38+00:00"
    assert await shop.is_running(customer_id, "cart7")


@pytest.mark.skipif(shutil.which(CHROMIUM) is None, reason="Chromium is not installed")
async def test_the_code_on_the_page_fills_and_buys_a_cart_in_a_browser(
    served: tuple[Sojourn, Server],
    node_packages: Path,  # noqa: F811
    customer_id: str,
    tmp_path: Path,
) -> None:
    sojourn, server = served
    package = node_packages / "node_modules" / "@segment" / "analytics-next" / "dist" / "umd"
    with shop_front(tmp_path) as origin:
        own = Sojourn(server.client, sojourn.store, settings(gateway_origins=(origin,)))
        async with serving(own) as gateway:
            await gateway.ready()
            shop = Shop(gateway.url, gateway.key, sojourn)
            (in_browsers,) = [
                code for code in shown("js", shop, customer_id) if "analytics-next" in code
            ]
            assert "metrics: { sampleRate: 0 }" in in_browsers, "else it reports to Segment"
            code = in_browsers.replace("localhost:8080", gateway.url.removeprefix("http://"))
            first, _, rest = code.partition("\n")
            assert first == "import { AnalyticsBrowser } from '@segment/analytics-next'"
            shutil.copytree(package, tmp_path / "sdk")
            page = BROWSED.replace("CODE", rest).replace("WHO", customer_id)
            (tmp_path / "index.html").write_text(page)
            assert "all sent" in await visit(f"{origin}/", tmp_path / "profile")
            assert await shop.email(customer_id) == "ada@example.com"
            assert await shop.outcome(customer_id) == "converted"


async def test_the_commands_on_the_page_make_keys(shop: Shop, offline: Cli) -> None:
    code = next(code for code in shown("sh", shop, "") if code.startswith("sojourn keys"))
    made = [shlex.split(line, comments=True) for line in code.splitlines()]
    made = [words[1:] for words in made if words[1] == "keys"]
    assert len(made) == 2
    for words in made:
        assert (await offline(*words)).code == 0
