"""One attempt at a signed call after the other, as Temporal makes them."""

import base64
import dataclasses
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import pytest_asyncio
from starlette.responses import PlainTextResponse, Response
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from sojourn.domain.calls import Asked, Reply
from sojourn.sending.breaker import FAILURES, OPEN_FOR
from sojourn.sending.calls import temporal_activities
from sojourn.settings import Settings
from sojourn.store import Store
from sojourn.store.rights import erasing
from tests.support.refunding import may_refund
from tests.support.refunds import SECRET, Answer, Refunds, fault, redirect, refunds, silence

NOON = datetime(2026, 1, 8, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


class Caller:
    """A worker that makes attempts at one call, at moments of its own."""

    def __init__(self, store: Store, customer_id: str, shop: Refunds) -> None:
        self.shop = shop
        self.now = NOON
        (self._perform,) = temporal_activities([may_refund], store, Settings())
        self.asked = Asked(
            activity=may_refund.name,
            run=f"refunding:{customer_id}:o7",
            journey="refunding",
            customer_id=customer_id,
            key="o7",
            enrolment="e1",
            cause="e1",
            arguments=may_refund.written({"order_id": "o7", "share": Decimal("0.5")}),
            now=NOON,
        )

    async def attempt(self, after: timedelta = timedelta()) -> Reply:
        """Make one attempt, so long after the last one."""
        self.now += after
        env = ActivityEnvironment()
        env.info = dataclasses.replace(env.info, current_attempt_scheduled_time=self.now)
        reply: Reply = await env.run(self._perform, self.asked)
        return reply

    async def fails(self, after: timedelta = timedelta()) -> ApplicationError:
        """Make an attempt that fails, and return what Temporal is told."""
        with pytest.raises(ApplicationError) as failed:
            await self.attempt(after)
        return failed.value


@pytest_asyncio.fixture(loop_scope="session")
async def caller(
    store: Store, customer_id: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Caller]:
    async with refunds() as shop:
        monkeypatch.setenv("SHOP_REFUNDS_URL", shop.url)
        monkeypatch.setenv("SHOP_SIGNING_SECRET", SECRET)
        yield Caller(store, customer_id, shop)


async def test_all_attempts_have_one_key_and_the_service_acts_once(caller: Caller) -> None:
    caller.shop.faults = [fault(503), fault(500), fault(408), silence]
    for _ in range(4):
        assert (await caller.fails()).type == "TransientError"
    first = await caller.attempt()
    assert first.result == {"allowed": True, "most": "25.00", "note": ""}
    caller.shop.says = {"allowed": False}
    names = ("idempotency-key", "webhook-id")
    assert len({headers[name] for headers in caller.shop.seen for name in names}) == 1
    assert len(caller.shop.questions) == 1


@pytest.mark.parametrize(
    ("answer", "kind"),
    [(fault(n), f"HTTP {n}") for n in (400, 401, 404, 422)] + [(redirect, "HTTP 307")],
)
async def test_a_refusal_is_a_value_at_once(caller: Caller, answer: Answer, kind: str) -> None:
    caller.shop.faults = [answer]
    assert await caller.attempt() == Reply(failure=kind)


@pytest.mark.parametrize(
    ("says", "reason"),
    [
        ({"allowed": "ada@shop.example"}, "allowed: bool_parsing"),
        ({"most": "1.00"}, "allowed: missing"),
        ({"allowed": True, "most": "ada@shop.example"}, "most: decimal_parsing"),
        (
            {"allowed": True, "note": "ask ada@shop.example"},
            "note: an address, which no history may keep",
        ),
        (PlainTextResponse("dear ada@shop.example"), "the answer: json_invalid"),
        (Response(b'"' + b"x" * 300_000 + b'"'), "it is larger than 256000 bytes"),
        (Response(status_code=204), "allowed: missing"),
    ],
)
async def test_an_answer_that_does_not_fit_is_a_failure_that_quotes_nothing(
    caller: Caller, says: Any, reason: str
) -> None:
    caller.shop.says = says
    assert await caller.attempt() == Reply(failure="BadAnswer", reason=reason)


async def test_a_service_that_says_when_is_asked_no_sooner(caller: Caller) -> None:
    caller.shop.faults = [fault(429, retry_after="1800")]
    told = await caller.fails()
    assert (told.type, told.next_retry_delay) == ("RateLimited", timedelta(minutes=30))
    told = await caller.fails(after=timedelta(minutes=10))  # another run's call
    assert told.next_retry_delay == timedelta(minutes=20)
    assert len(caller.shop.seen) == 1
    assert not (await caller.attempt(after=timedelta(minutes=20))).failure


async def test_a_service_that_fails_again_and_again_is_left_in_peace(caller: Caller) -> None:
    caller.shop.faults = [fault(503) for _ in range(FAILURES + 1)]
    for _ in range(FAILURES):
        await caller.fails()
    assert (await caller.fails(after=SECOND)).next_retry_delay == OPEN_FOR - SECOND
    assert len(caller.shop.seen) == FAILURES
    await caller.fails(after=OPEN_FOR)
    assert len(caller.shop.seen) == FAILURES + 1, "one call tries"
    assert (await caller.fails()).next_retry_delay == OPEN_FOR
    assert not (await caller.attempt(after=OPEN_FOR)).failure
    assert not (await caller.attempt()).failure


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SHOP_SIGNING_SECRET", ""),
        ("SHOP_SIGNING_SECRET", "whsec_"),
        ("SHOP_REFUNDS_URL", ""),
        ("SHOP_REFUNDS_URL", "http://shop.example/refunds"),
        ("SHOP_REFUNDS_URL", "https://ada:secret@shop.example"),
    ],
)
async def test_with_a_setting_that_does_not_serve_nothing_is_sent(
    caller: Caller, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    told = await caller.fails()
    assert (told.type, told.non_retryable) == ("BadSetting", True)
    assert caller.shop.seen == []


async def test_another_secret_is_refused_by_the_service(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = base64.b64encode(b"another secret of the shop").decode()
    monkeypatch.setenv("SHOP_SIGNING_SECRET", f"whsec_{other}")
    await caller.fails()
    assert caller.shop.questions == {}


async def test_of_somebody_who_was_erased_nothing_is_sent(
    caller: Caller, store: Store, customer_id: str
) -> None:
    async with store.transaction() as session:
        await erasing.begin(session, customer_id, why="asked", by="anna")
    assert (await caller.attempt()).failure == "Restricted"
    assert caller.shop.seen == []
