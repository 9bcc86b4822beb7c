"""Links of messages over HTTP: redirects, counted clicks and opens, and servers that are away."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import create_async_engine
from sqlmodel import col, select
from structlog.testing import capture_logs

from sojourn.cli.local.stack import Server
from sojourn.dispatch import Sojourn
from sojourn.dispatch.reports import tell_clicks
from sojourn.domain.alias import Alias
from sojourn.domain.consent import Purpose
from sojourn.domain.customer import read_identity
from sojourn.domain.events import SignedUp
from sojourn.domain.links import Click, Open, click_token, open_token
from sojourn.domain.measuring.hits import HOLD
from sojourn.domain.states import MessageState
from sojourn.gateway.http.work import LINE
from sojourn.gateway.pages.links import DOT
from sojourn.journeys.queues import TASK_QUEUE
from sojourn.serving import worker
from sojourn.settings import Opens
from sojourn.store import Store, consents, ledger, people
from sojourn.store.measuring import hits
from sojourn.store.tables import HitRow, LedgerRow, ReportRow, RunRow
from tests.support.effort import fewer
from tests.support.gateway_links import (
    BROWSER,
    SECRET,
    SHOP,
    again,
    alone,
    click_path,
    sent,
    shop,
    unsubscribe_path,
)
from tests.support.gateway_server import Served, serving

CART = f"{SHOP}/cart?cart_id=7"


@pytest_asyncio.fixture(scope="module", loop_scope="session", name="served")
async def gateway_served(store: Store) -> AsyncIterator[Served]:
    async with alone(
        store, link_hosts=("blog.example",), track_opens=Opens.ON, gateway_in_work=5
    ) as served:
        yield served


@pytest_asyncio.fixture(loop_scope="session")
async def message(store: Store, customer_id: str) -> LedgerRow:
    return await sent(store, customer_id)


async def follow(served: Served, path: str, **headers: str) -> httpx.Response:
    answer = await served.http.get(path, headers={**BROWSER, **headers})
    await served.gateway.work.drained()
    await after_the_hold(served)
    return answer


async def after_the_hold(served: Served) -> None:
    await tell_clicks(served.gateway.backend.sojourn, datetime.now(UTC) + HOLD)


def leads_to_the_shop(answer: httpx.Response, url: str = CART) -> None:
    assert (answer.status_code, answer.headers["location"]) == (302, url)
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"


# ---- clicks ----------------------------------------------------------------------------------


async def test_a_click_leads_to_the_shop_and_becomes_an_event(
    served: Served, message: LedgerRow
) -> None:
    leads_to_the_shop(await follow(served, click_path(message.reference)))
    (event,) = await served.stored(message.customer_id)
    assert event.name == "Message Clicked"
    assert event.properties == {
        "journey": "onboarding",
        "run": message.workflow_id,
        "step": "welcome",
        "channel": "email",
        "url": CART,
    }
    row = await again(served.store, message)
    assert (row.progress, row.progress_at) == ("clicked", event.occurred_at)


async def test_a_click_proves_that_a_message_nobody_knew_of_was_sent(
    served: Served, message: LedgerRow
) -> None:
    async with served.store.transaction() as session:
        row = await session.get(LedgerRow, message.id)
        assert row is not None
        row.state, row.provider = MessageState.UNKNOWN, "postmark"
    await follow(served, click_path(message.reference))
    row = await again(served.store, message)
    assert (row.state, row.provider, row.progress) == ("sent", "postmark", "clicked")


async def test_a_double_click_is_one_event_and_a_click_on_another_link_is_a_second(
    served: Served, message: LedgerRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Clock:
        at = datetime(2026, 11, 20, 12, 0, 1, tzinfo=UTC)

        @classmethod
        def now(cls, tz: object = None) -> datetime:
            return cls.at

    monkeypatch.setattr("sojourn.gateway.pages.links.datetime", Clock)
    path = click_path(message.reference)
    leads_to_the_shop(await follow(served, path))
    Clock.at = datetime(2026, 11, 20, 12, 0, 59, tzinfo=UTC)
    leads_to_the_shop(await follow(served, path))
    assert len(await served.stored(message.customer_id)) == 1
    await follow(served, click_path(message.reference, f"{SHOP}/help"))
    assert len(await served.stored(message.customer_id)) == 2
    Clock.at = datetime(2026, 11, 20, 12, 1, tzinfo=UTC)
    await follow(served, path)
    assert len(await served.stored(message.customer_id)) == 3


async def test_a_click_in_a_deleted_message_leads_to_the_shop(
    served: Served, customer_id: str
) -> None:
    leads_to_the_shop(await follow(served, click_path(customer_id)))
    assert await served.stored(customer_id) == []


async def test_a_click_of_a_joined_customer_belongs_to_the_id_that_is_kept(
    served: Served, message: LedgerRow
) -> None:
    new = f"{message.customer_id}-new"
    alias = Alias(message.customer_id, new, str(uuid4()), datetime.now(UTC))
    await served.gateway.backend.sojourn.alias(alias)  # no run of theirs needs to be told
    await follow(served, click_path(message.reference))
    assert [event.name for event in await served.stored(new)] == ["Message Clicked"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Purpose": "prefetch"},
        {"Sec-Purpose": "prefetch;prerender"},
        {"X-Moz": "prefetch"},
        {"User-Agent": ""},
        {"User-Agent": "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"},
        {"User-Agent": "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)"},
        {"User-Agent": "Mozilla/5.0 (compatible; Barracuda Sentinel (EE))"},
        {"User-Agent": "python-requests/2.32"},
        {"User-Agent": "curl/8.5.0"},
    ],
    ids=lambda headers: " ".join(headers.values()),
)
async def test_a_machine_is_redirected_and_kept_and_wakes_nothing(
    served: Served, message: LedgerRow, headers: dict[str, str]
) -> None:
    leads_to_the_shop(await follow(served, click_path(message.reference), **headers))
    assert await served.stored(message.customer_id) == []
    assert (await again(served.store, message)).progress is None
    (kept,) = await hits_of(served.store, message)
    assert kept.machine == ("agent" if "User-Agent" in headers else "prefetch")


async def test_a_head_request_is_a_machine_s(served: Served, message: LedgerRow) -> None:
    leads_to_the_shop(await served.http.head(click_path(message.reference), headers=BROWSER))
    await served.gateway.work.drained()
    await after_the_hold(served)
    assert await served.stored(message.customer_id) == []
    (kept,) = await hits_of(served.store, message)
    assert kept.machine == "prefetch"
    await follow(served, click_path(message.reference))  # within the same minute, by the same one
    assert [event.name for event in await served.stored(message.customer_id)] == ["Message Clicked"]


async def test_a_burst_takes_back_the_first_click_before_anybody_is_told(
    served: Served, message: LedgerRow
) -> None:
    for page in ("a", "b", "c"):
        await served.http.get(click_path(message.reference, f"{SHOP}/{page}"), headers=BROWSER)
        await served.gateway.work.drained()
    await after_the_hold(served)
    assert await served.stored(message.customer_id) == []
    assert [kept.machine for kept in await hits_of(served.store, message)] == ["burst"] * 3
    assert (await again(served.store, message)).progress is None


async def test_a_click_is_told_only_once_the_hold_is_over(
    served: Served, message: LedgerRow
) -> None:
    await served.http.get(click_path(message.reference), headers=BROWSER)
    await served.gateway.work.drained()
    sojourn = served.gateway.backend.sojourn
    await tell_clicks(sojourn, datetime.now(UTC))
    assert await served.stored(message.customer_id) == []
    assert (await again(served.store, message)).progress is None
    await after_the_hold(served)
    assert [event.name for event in await served.stored(message.customer_id)] == ["Message Clicked"]
    await after_the_hold(served)
    assert len(await served.stored(message.customer_id)) == 1


async def test_apple_s_relay_opens_and_nobody_is_told(served: Served, message: LedgerRow) -> None:
    path = f"/o/{open_token(SECRET, Open(message.reference))}"
    await follow(served, path, **{"User-Agent": "Mozilla/5.0"})
    assert await served.stored(message.customer_id) == []
    (kept,) = await hits_of(served.store, message)
    assert (kept.kind, kept.machine) == ("opened", "agent")


async def test_the_network_is_kept_as_a_block_and_told_by_our_proxies_alone(
    store: Store, message: LedgerRow
) -> None:
    async with alone(store, gateway_proxies=1) as served:
        sent_by = {"X-Forwarded-For": "52.102.1.1, 203.0.114.77"}
        await follow(served, click_path(message.reference), **sent_by)
        scanner = {"X-Forwarded-For": "203.0.114.77, 52.102.1.1"}
        await follow(served, click_path(message.reference, f"{SHOP}/x"), **scanner)
    async with store.reading() as session:
        query = select(HitRow).where(HitRow.ledger_id == message.id)
        kept = (await session.exec(query.order_by(col(HitRow.report_id)))).all()
    assert [one.network for one in kept] == ["203.0.114.0/24", "52.102.1.0/24"]
    assert [one.machine for one in await hits_of(store, message)] == [None, "network"]
    assert len(await served.stored(message.customer_id)) == 1


async def test_hits_of_one_message_are_kept_up_to_a_number(
    served: Served, message: LedgerRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hits, "MOST", 2)
    for page in ("a", "b", "c"):
        leads_to_the_shop(
            await follow(served, click_path(message.reference, f"{SHOP}/{page}")), f"{SHOP}/{page}"
        )
    assert len(await hits_of(served.store, message)) == 2


async def hits_of(store: Store, message: LedgerRow) -> list[ReportRow]:
    async with store.reading() as session:
        query = select(ReportRow).where(ReportRow.ledger_id == message.id)
        return list((await session.exec(query.order_by(col(ReportRow.id)))).all())


# ---- where links lead ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "location"),
    [
        (SHOP, SHOP),
        (f"{SHOP}?a=1&b=%20#there", f"{SHOP}?a=1&b=%20#there"),
        ("https://BLOG.example/x", "https://BLOG.example/x"),
        (f"{SHOP}/kawa żółta", None),
        (f"{SHOP}/żółta?q=“kawa”", f"{SHOP}/{quote('żółta')}?q={quote('“kawa”')}"),
        (f'{SHOP}/"><script>', f"{SHOP}/%22%3E%3Cscript%3E"),
    ],
)
async def test_a_link_to_the_shop_leads_to_the_shop(
    served: Served, url: str, location: str | None
) -> None:
    answer = await follow(served, click_path("r", url))
    assert (answer.status_code, answer.headers.get("location")) == (
        302 if location else 404,
        location,
    )


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/",
        "https://shop.example.evil.example/",
        "https://evilshop.example/",
        "https://shop.example@evil.example/",
        "https://evil.example\\@shop.example/",
        "https://shop.example\\.evil.example/",
        "https://shop.example:80@evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "javascript:alert(1)//shop.example",
        "data:text/html,shop.example",
        "ftp://shop.example/",
        " https://shop.example/",
        "https://shop.example\r\nX-Evil: 1",
        "https://shop.example/\r\nX-Evil: 1",
        "https://shop.example./",
        "https://ſhop.example/",
        "https://[::1]/",
        "https:shop.example",
        "",
    ],
)
async def test_a_signed_link_to_another_host_leads_nowhere(served: Served, url: str) -> None:
    answer = await follow(served, click_path("r", url))
    assert answer.status_code == 404
    assert "location" not in answer.headers
    assert f'href="{SHOP}"' in answer.text


async def test_a_link_to_a_host_that_the_shop_gave_up_leads_nowhere(store: Store) -> None:
    async with alone(store) as served:
        answer = await follow(served, click_path("r", "https://blog.example/x"))
    assert answer.status_code == 404


FORGED = [
    "nothing",
    "%00",
    "%F0%9F%90%A6",
    "%ED%A0%80",
    click_token("another key", Click("r", CART)),
    click_token(SECRET, Click("r", CART))[:-1],
    click_token(SECRET, Click("r", CART)) + "A",
    open_token(SECRET, Open("r")),
    "x" * 5000,
]


@pytest.mark.parametrize("token", FORGED, ids=lambda token: token[:12])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_damaged_link_shows_a_page_that_leads_to_the_shop(
    served: Served, token: str, method: str
) -> None:
    answer = await served.http.request(method, f"/c/{token}", headers=BROWSER)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    if method == "GET":
        assert f'<a class="button" href="{SHOP}">Go to Tern &amp; Oak</a>' in answer.text


@pytest.mark.parametrize(
    ("accepted", "lang"),
    [
        ("it-IT,it;q=0.9,en;q=0.8", "it"),
        ("de;q=0.9, pl;q=0.5, en;q=0.4", "pl"),
        ("en;q=0.1, pl", "pl"),
        ("pl;q=0, it;q=0.1", "it"),
        ("pl;q=0", "en"),
        ("*", "en"),
        ("", "en"),
        ("ja", "en"),
        (";;;q=x, pl;q=pl", "en"),
        ("x," * 5000, "en"),
    ],
    ids=lambda value: value[:20],
)
async def test_a_page_is_shown_in_the_browsers_language(
    served: Served, accepted: str, lang: str
) -> None:
    answer = await follow(served, "/c/nothing", **{"Accept-Language": accepted})
    assert answer.headers["content-language"] == lang
    assert f'<html lang="{lang}">' in answer.text


@fewer(0.4, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(token=st.text(min_size=1, max_size=200), header=st.text("abz-;q=,.*01 ", max_size=40))
async def test_no_token_breaks_a_route(served: Served, token: str, header: str) -> None:
    for kind in "cou":
        path = f"/{kind}/{quote(token.encode(errors='replace'), safe='')}"
        answer = await served.http.get(path, headers={**BROWSER, "Accept-Language": header.strip()})
        assert answer.status_code == 404


# ---- opens -----------------------------------------------------------------------------------


async def test_an_open_is_told_once_a_minute_and_never_outweighs_a_click(
    served: Served, message: LedgerRow
) -> None:
    path = f"/o/{open_token(SECRET, Open(message.reference))}"
    answer = await follow(
        served, path, **{"User-Agent": "Mozilla/5.0 (via ggpht.com GoogleImageProxy)"}
    )
    assert (answer.status_code, answer.content) == (200, DOT)
    assert answer.headers["content-type"] == "image/gif"
    assert answer.headers["cache-control"] == "no-store"
    (event,) = await served.stored(message.customer_id)
    assert (event.name, event.properties["run"]) == ("Message Opened", message.workflow_id)
    assert (await again(served.store, message)).progress == "opened"
    await follow(served, click_path(message.reference))
    await follow(served, path)
    assert (await again(served.store, message)).progress == "clicked"


async def _say(store: Store, customer_id: str, *, granted: bool) -> None:
    async with store.transaction() as session:
        person = await people.lock(session, customer_id)
        await consents.record(
            session, person, None, granted=granted, source="page", purpose=Purpose.OPENS
        )


async def test_an_open_is_not_told_of_a_customer_who_took_the_consent_back(
    served: Served, message: LedgerRow
) -> None:
    path = f"/o/{open_token(SECRET, Open(message.reference))}"
    await _say(served.store, message.customer_id, granted=False)
    assert (await follow(served, path)).content == DOT
    assert await served.stored(message.customer_id) == []
    await _say(served.store, message.customer_id, granted=True)
    await follow(served, path)
    assert [event.name for event in await served.stored(message.customer_id)] == ["Message Opened"]


async def test_where_consent_is_asked_for_an_open_is_told_after_a_yes_alone(
    store: Store, message: LedgerRow
) -> None:
    path = f"/o/{open_token(SECRET, Open(message.reference))}"
    async with alone(store, track_opens=Opens.CONSENT) as served:
        await follow(served, path)
        assert await served.stored(message.customer_id) == []
        await _say(store, message.customer_id, granted=True)
        await follow(served, path)
        assert len(await served.stored(message.customer_id)) == 1


async def test_a_shop_that_measures_nothing_counts_no_click_and_no_open(
    store: Store, message: LedgerRow
) -> None:
    async with alone(store, track_clicks=False) as served:
        leads_to_the_shop(await follow(served, click_path(message.reference)))
        answer = await follow(served, f"/o/{open_token(SECRET, Open(message.reference))}")
        assert answer.content == DOT
    assert await served.stored(message.customer_id) == []
    assert (await again(store, message)).progress is None


# ---- when something is away ------------------------------------------------------------------


async def test_a_click_that_a_run_would_hear_is_kept_while_temporal_is_away(
    served: Served, message: LedgerRow
) -> None:
    async with served.store.transaction() as session:
        session.add(
            RunRow(
                workflow_id=message.workflow_id,
                run_id="r1",
                journey="onboarding",
                customer_id=message.customer_id,
                enrolment=message.enrolment,
                started_at=message.due_at,
            )
        )
    with capture_logs() as logs:
        leads_to_the_shop(await follow(served, click_path(message.reference)))
    (event,) = await served.stored(message.customer_id)
    assert event.routed_at is None
    assert [line for line in logs if line.get("what")] == []


async def test_a_link_leads_on_while_the_store_is_away(tmp_path: Path, customer_id: str) -> None:
    async with await Store.open(f"sqlite:///{tmp_path}/test.db", migrate=True) as store:
        async with alone(store) as served:
            message = await sent(store, customer_id)
            whole = store.engine
            store.engine = create_async_engine("sqlite+aiosqlite:////nowhere/a.db")
            with capture_logs() as logs:
                path = click_path(message.reference)
                leads_to_the_shop(await served.http.get(path, headers=BROWSER))
                await served.gateway.work.drained()
            store.engine = whole
        assert [(line["event"], line["what"]) for line in logs if "what" in line] == [
            ("lost", "click")
        ]


async def test_links_lead_on_while_the_store_hangs_and_the_gateway_is_full(
    served: Served, message: LedgerRow
) -> None:
    limit = served.gateway.settings.gateway_in_work
    async with served.store.transaction(), AsyncExitStack() as places:
        for _ in range(limit):
            await places.enter_async_context(served.gateway.work.place("somebody"))
        line = [asyncio.create_task(_in_line(served)) for _ in range(LINE * limit)]
        await asyncio.sleep(0)
        assert (await served.http.get("/u/x")).status_code == 429
        waiting = asyncio.Event()

        async def hang() -> None:
            await waiting.wait()

        with capture_logs() as logs:
            while served.gateway.work.afterwards(hang()):
                pass
            path = click_path(message.reference)
            answer = await served.http.get(path, headers=BROWSER)
            leads_to_the_shop(answer)
        waiting.set()
    await asyncio.gather(*line)
    await served.gateway.work.drained()
    lost = [line for line in logs if line.get("what") == "click"]
    assert [line["reason"] for line in lost] == ["too many at once"]


async def _in_line(served: Served) -> None:
    async with served.gateway.work.place("another"):
        pass


# ---- the log ---------------------------------------------------------------------------------


async def test_the_log_names_the_route_and_never_the_token(
    served: Served, message: LedgerRow
) -> None:
    paths = [
        click_path(message.reference),
        f"/o/{open_token(SECRET, Open(message.reference))}",
        unsubscribe_path(message.customer_id, reference=message.reference),
        "/c/damaged-token",
    ]
    with capture_logs() as logs:
        for path in paths:
            await follow(served, path)
    requests = [line for line in logs if line["event"] == "request"]
    assert [line["route"] for line in requests] == [
        "/c/{token}", "/o/{token}", "/u/{token}", "/c/{token}",
    ]  # fmt: skip
    whole = json.dumps(logs, default=str)
    for path in paths:
        assert path[3:20] not in whole
    assert message.customer_id not in whole
    assert "/c/damaged" not in (await served.operations.get("/metrics")).text


def test_a_token_holds_readable_customer_data() -> None:
    token = unsubscribe_path("c_1")[3:].partition(".")[0]
    assert b"c_1" in base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))


# ---- end to end ------------------------------------------------------------------------------


async def test_the_run_that_sent_a_message_hears_its_click_and_no_scanner(
    store: Store, temporal: Server, customer_id: str
) -> None:
    queue = f"{TASK_QUEUE}-{uuid4().hex[:8]}"
    sojourn = Sojourn(temporal.client, store, shop(), task_queue=queue)
    async with worker.serving(temporal.client, store, shop(), task_queue=queue):
        await sojourn.identify(
            read_identity(
                {"email": "ada@example.com", "marketingConsent": {"email": True}},
                customer_id=customer_id, message_id=f"i-{customer_id}", at=datetime.now(UTC),
            )
        )  # fmt: skip
        await sojourn.publish(SignedUp(customer_id=customer_id))
        async with serving(sojourn) as served:
            await served.ready()
            deadline = asyncio.get_running_loop().time() + 20
            while (row := await welcome(store, customer_id)) is None:
                assert asyncio.get_running_loop().time() < deadline
                await asyncio.sleep(0.01)
            async with store.transaction() as session:  # nobody follows a link in the same second
                message = await session.get(LedgerRow, row.id)
                assert message is not None
                message.submitted_at = datetime.now(UTC) - timedelta(hours=1)
            scanner = {"User-Agent": "Mozilla/5.0 (Windows NT 10.0) SafeLinks/1.0"}
            leads_to_the_shop(await follow(served, click_path(row.reference), **scanner))
            assert "Message Clicked" not in [e.name for e in await served.stored(customer_id)]
            leads_to_the_shop(await follow(served, click_path(row.reference)))
    assert [one.machine for one in await hits_of(store, row) if one.kind == "clicked"] == [
        "agent",
        None,
    ]
    (event,) = [e for e in await served.stored(customer_id) if e.name == "Message Clicked"]
    assert event.routed_at is not None
    handle = temporal.client.get_workflow_handle(row.workflow_id)
    history = [event async for event in handle.fetch_history_events()]
    heard = [
        event.workflow_execution_signaled_event_attributes
        for event in history
        if event.HasField("workflow_execution_signaled_event_attributes")
    ]
    (click,) = [signal for signal in heard if signal.signal_name == "Message Clicked"]
    assert b'"step":"welcome"' in click.input.payloads[0].data
    assert SHOP.encode() not in click.input.payloads[0].data, "where it led is somebody's own"


async def welcome(store: Store, customer_id: str) -> LedgerRow | None:
    async with store.reading() as session:
        rows = await ledger.of_customer(session, customer_id)
    return next((row for row in rows if row.state == "sent"), None)
