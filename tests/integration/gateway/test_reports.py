"""Providers' reports over HTTP: signed, matched with the ledger, taken once, in any order."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import col, select
from sqlmodel.sql.expression import SelectOfScalar

from sojourn.channels.outbox import Outbox
from sojourn.channels.provider import Hook, Reading
from sojourn.cli.local.stack import Server
from sojourn.dispatch import Sojourn
from sojourn.dispatch import reports as intake
from sojourn.domain.alias import Alias
from sojourn.domain.customer import read_identity
from sojourn.domain.errors import (
    BadInput,
    BadSetting,
    StoreUnavailable,
    TransientError,
)
from sojourn.domain.messages import Channel, Delivery, MessageClass
from sojourn.domain.reports import Kind, Report
from sojourn.domain.states import AttemptState, MessageState
from sojourn.gateway.gateway import Gateway
from sojourn.gateway.http.faults import Refusal, answer
from sojourn.gateway.webhooks.reports import ProviderReports
from sojourn.gateway.webhooks.routes import BODY_LIMIT, SHOPS, Sources, router
from sojourn.store import Store, attempts, cards, ledger, people, proofs, reports, settling
from sojourn.store.consents import current
from sojourn.store.tables import (
    AttemptRow,
    ConsentRow,
    ContentRow,
    LedgerRow,
    ReportRow,
    SuppressionRow,
)
from sojourn.testkit.fakes import Order, SentHook
from sojourn.testkit.fakes.postmark import FakePostmark
from tests.support.effort import fewer
from tests.support.gateway_server import Served, serving, settings
from tests.support.project import PROJECT

SENT_AT = datetime(2026, 11, 20, 9, tzinfo=UTC)
"""The moment when a message was handed over."""
LATER = datetime(2026, 11, 21, 9, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
FAKE = FakePostmark()
SIGNED = FAKE.hook(Order("pm", "0", "x@y.example", Channel.EMAIL, ""), Kind.BOUNCED, "e")
"""A webhook that Postmark's password signs."""


@pytest_asyncio.fixture(scope="module", loop_scope="session", name="served")
async def gateway_served(store: Store, temporal: Server) -> AsyncIterator[Served]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in FAKE.environment().items():
            patch.setenv(name, value)
        chosen = settings(email_provider="postmark")
        sojourn = Sojourn(temporal.client, store, chosen, task_queue=f"reports-{uuid4()}")
        async with serving(sojourn) as served:
            await served.ready()
            yield served


@dataclass(frozen=True)
class Written:
    """A message in the ledger, and as Postmark has it."""

    store: Store
    ledger_id: int
    order: Order

    async def row(self) -> LedgerRow:
        async with self.store.reading() as session:
            row = await session.get(LedgerRow, self.ledger_id)
        assert row is not None
        return row

    async def attempt(self) -> AttemptRow:
        query = select(AttemptRow).where(AttemptRow.ledger_id == self.ledger_id)
        async with self.store.reading() as session:
            return (await session.exec(query)).one()

    async def kept(self) -> list[ReportRow]:
        query = select(ReportRow).where(ReportRow.ledger_id == self.ledger_id)
        async with self.store.reading() as session:
            return list((await session.exec(query.order_by(col(ReportRow.id)))).all())

    async def suppression(self) -> SuppressionRow | None:
        key = (self.order.channel.value, self.order.address.lower())
        async with self.store.reading() as session:
            return await session.get(SuppressionRow, key)

    def report(self, kind: Kind, minutes: int = 1, **changes: Any) -> Report:
        told = Report(
            event_id=f"{self.order.id}:{kind}",
            kind=kind,
            at=SENT_AT + minutes * MINUTE,
            channel=self.order.channel,
            reference=self.order.reference,
            provider_id=self.order.id,
            address=self.order.address,
        )
        return replace(told, **changes)


async def write(
    store: Store,
    customer_id: str,
    *,
    state: str = "sent",
    channel: Channel = Channel.EMAIL,
    address: str = "",
    topic: str = "cart",
    step: str = "reminder",
    submitted_at: datetime = SENT_AT,
    known: bool = True,
) -> Written:
    """Write a message on its way, as the send activity leaves it in each state.

    Args:
        known: whether the provider's id of it is.
    """
    key = uuid4().hex
    delivery = Delivery(
        workflow_id=f"abandoned-cart:{customer_id}:{key}",
        journey="abandoned-cart",
        customer_id=customer_id,
        key=key,
        key_field="cart_id",
        enrolment=key,
        n=1,
        step=step,
        template=step,
        channels=(channel,),
        message_class=MessageClass.PROMOTIONAL,
        topic=topic,
        due=SENT_AT,
        useful_until=SENT_AT + timedelta(days=1),
        now=SENT_AT,
        start=(SENT_AT, 1),
        latest=(SENT_AT, 1),
        goals=(),
        ends=(),
        restarts=(),
        timezone="UTC",
    )
    row = ledger.new_row(delivery, channel)
    row.state, row.attempt, row.provider = MessageState(state), 1, "postmark"
    row.submitted_at = submitted_at
    row.provider_id = f"pm-{key}" if known and state == "sent" else None
    address = address or f"Ada.{key}@Shop.example"
    async with store.transaction() as session:
        await people.lock(session, customer_id)
        session.add(row)
        await session.flush()
        assert row.id is not None
        session.add(ContentRow(ledger_id=row.id, address=address, content={}))
        session.add(
            AttemptRow(
                ledger_id=row.id,
                attempt=1,
                provider="postmark",
                state=AttemptState.ACCEPTED if state == "sent" else AttemptState.SUBMITTING,
                submitted_at=submitted_at,
                journey_at=submitted_at,
                provider_id=row.provider_id,
            )
        )
    return Written(store, row.id, Order(f"pm-{key}", row.reference, address, channel, text=""))


async def post(served: Served, hook: SentHook) -> httpx.Response:
    url = "/webhooks/postmark" + (f"?{hook.query}" if hook.query else "")
    return await served.http.post(url, content=hook.body, headers=dict(hook.headers))


async def tell(
    served: Served, message: Written, kind: Kind, minutes: int = 1, event_id: str = "e"
) -> None:
    """Send Postmark's webhook, which the gateway takes."""
    hook = FAKE.hook(message.order, kind, event_id, SENT_AT + minutes * MINUTE)
    answer = await post(served, hook)
    assert (answer.status_code, answer.text) == (200, "")


async def consents(store: Store, customer_id: str) -> list[tuple[str, str, bool, datetime]]:
    query = select(ConsentRow).where(ConsentRow.customer_id == customer_id)
    async with store.reading() as session:
        rows = (await session.exec(query)).all()
    return [(row.channel, row.topic, row.granted, row.at) for row in rows]


async def take(
    message: Written, told: Report, received_at: datetime = LATER
) -> reports.Told | None:
    async with message.store.transaction() as session:
        return await reports.take(session, "postmark", told, received_at)


# ---- over HTTP -----------------------------------------------------------------------------


async def test_a_report_lands_in_the_ledger_and_becomes_an_event(
    served: Served, customer_id: str
) -> None:
    message = await write(served.store, customer_id)
    await tell(served, message, Kind.DELIVERED)
    row = await message.row()
    assert (row.state, row.progress, row.progress_at) == ("sent", "delivered", SENT_AT + MINUTE)
    (kept,) = await message.kept()
    assert (kept.provider, kept.kind, kept.at) == ("postmark", "delivered", SENT_AT + MINUTE)
    (event,) = await served.stored(customer_id)
    assert (event.name, event.occurred_at) == ("Message Delivered", SENT_AT + MINUTE)
    assert event.properties == {
        "journey": "abandoned-cart",
        "run": row.workflow_id,
        "step": "reminder",
        "channel": "email",
    }


@pytest.mark.parametrize("state", ["submitting", "unknown", "claimed", "deferred", "expired"])
@pytest.mark.parametrize("kind", [Kind.DELIVERED, Kind.DEFERRED, Kind.BOUNCED])
async def test_a_report_settles_what_a_lost_answer_left_open(
    served: Served, customer_id: str, state: str, kind: Kind
) -> None:
    message = await write(served.store, customer_id, state=state)
    await tell(served, message, kind)
    row, attempt = await message.row(), await message.attempt()
    assert (row.state, row.provider_id, row.progress) == ("sent", message.order.id, kind)
    assert row.settled_at is not None
    assert (attempt.state, attempt.settled_by) == ("accepted", "report")
    assert attempt.provider_id == message.order.id


async def test_a_report_settles_the_attempt_that_may_have_sent_it(
    served: Served, customer_id: str
) -> None:
    message = await write(served.store, customer_id, state="claimed")
    async with served.store.transaction() as session:
        await attempts.end(session, message.ledger_id, AttemptState.SUPERSEDED, by="gate")
        await attempts.begin(session, message.ledger_id, 2, provider="postmark", now=SENT_AT)
    async with served.store.transaction() as session:
        await attempts.end(
            session, message.ledger_id, AttemptState.RELEASED, by="answer", attempt=2
        )
    await tell(served, message, Kind.DELIVERED)
    async with served.store.reading() as session:
        tried = (await attempts.of_messages(session, [message.ledger_id]))[message.ledger_id]
    assert [(each.state, each.settled_by) for each in tried] == [
        ("accepted", "report"),
        ("released", "answer"),
    ]


@pytest.mark.parametrize("state", ["rejected", "skipped"])
@pytest.mark.parametrize("kind", [Kind.DELIVERED, Kind.OPENED, Kind.CLICKED, Kind.COMPLAINED])
async def test_a_report_of_a_message_that_arrived_outweighs_what_we_believed(
    served: Served, customer_id: str, state: str, kind: Kind
) -> None:
    message = await write(served.store, customer_id, state=state)
    await tell(served, message, kind)
    row, attempt = await message.row(), await message.attempt()
    assert (row.state, row.reason, row.provider_id) == ("sent", None, message.order.id)
    assert (attempt.state, attempt.settled_by) == ("accepted", "report")


async def _sent_again(served: Served, customer_id: str) -> tuple[Written, Written]:
    """Write a message that a look-up did not find and a second attempt sent; then it is there."""
    message = await write(served.store, customer_id)
    first = replace(message, order=replace(message.order, id=f"late-{uuid4().hex}"))
    async with served.store.transaction() as session:
        tried = (await session.exec(_attempts(message))).one()
        tried.state, tried.settled_by, tried.provider_id = AttemptState.RELEASED, "look-up", None
        await attempts.begin(session, message.ledger_id, 2, provider="postmark", now=SENT_AT)
        await session.flush()
        await attempts.end(
            session,
            message.ledger_id,
            AttemptState.ACCEPTED,
            by="answer",
            attempt=2,
            provider_id=message.order.id,
        )
        row = await session.get(LedgerRow, message.ledger_id)
        assert row is not None
        row.attempt = 2
    return first, message


def _attempts(message: Written) -> SelectOfScalar[AttemptRow]:
    query = select(AttemptRow).where(AttemptRow.ledger_id == message.ledger_id)
    return query.order_by(col(AttemptRow.id))


@pytest.mark.parametrize("second_first", [True, False])
async def test_reports_of_two_ids_prove_that_a_message_went_out_twice(
    served: Served, customer_id: str, *, second_first: bool
) -> None:
    counted = 'sojourn_gateway_messages_twice_total{provider="postmark"}'
    before = await _metric(served, counted)
    told = await _sent_again(served, customer_id)
    for one in reversed(told) if second_first else told:
        for kind in (Kind.DELIVERED, Kind.OPENED):
            await tell(served, one, kind)
    first, second = told
    row = await second.row()
    assert (row.state, row.provider_id, row.possible_duplicate) == ("sent", second.order.id, True)
    assert row.twice_at is not None
    async with served.store.reading() as session:
        tried = (await session.exec(_attempts(second))).all()
    assert [(one.state, one.settled_by, one.provider_id) for one in tried] == [
        ("accepted", "report", first.order.id),
        ("accepted", "answer", second.order.id),
    ]
    assert await _metric(served, counted) == before + 1  # once a message


async def test_a_second_message_that_bounced_is_no_second_delivery(
    served: Served, customer_id: str
) -> None:
    first, second = await _sent_again(served, customer_id)
    await tell(served, first, Kind.BOUNCED)
    row = await second.row()
    assert (row.possible_duplicate, row.twice_at) == (True, None)


async def test_a_second_message_whose_attempt_a_restore_has_lost_is_noted(
    served: Served, customer_id: str
) -> None:
    message = await write(served.store, customer_id)
    await tell(served, replace(message, order=replace(message.order, id="lost")), Kind.DELIVERED)
    row = await message.row()
    assert (row.possible_duplicate, row.provider_id) == (True, message.order.id)
    assert row.twice_at is not None


async def test_a_report_that_came_before_the_answer_is_put_down_to_its_own_attempt(
    store: Store, customer_id: str
) -> None:
    """The first of two attempts that may live reports, and then the second one's answer comes."""
    message = await write(store, customer_id, state="submitting")
    async with store.transaction() as session:
        await attempts.end(session, message.ledger_id, AttemptState.SUPERSEDED, by="gate")
        await attempts.begin(session, message.ledger_id, 2, provider="postmark", now=SENT_AT)
        row = await session.get(LedgerRow, message.ledger_id)
        assert row is not None
        row.attempt = 2
    await take(message, message.report(Kind.DELIVERED, provider_id="p-1"))
    async with store.transaction() as session:
        assert await proofs.answered(session, message.ledger_id, 2, provider_id="p-2", keyed=False)
    async with store.reading() as session:
        tried = (await session.exec(_attempts(message))).all()
    assert [(one.state, one.settled_by, one.provider_id) for one in tried] == [
        ("accepted", "report", "p-1"),
        ("accepted", "answer", "p-2"),
    ]


@pytest.mark.parametrize("state", ["rejected", "skipped"])
async def test_a_report_does_not_mark_an_unsent_message_as_sent(
    served: Served, customer_id: str, state: str
) -> None:
    message = await write(served.store, customer_id, state=state)
    await tell(served, message, Kind.BOUNCED)
    row = await message.row()
    assert (row.state, row.progress, row.provider_id) == (state, None, None)
    assert await message.suppression() is not None


async def test_a_report_that_is_sent_again_and_again_counts_once(
    served: Served, customer_id: str
) -> None:
    message = await write(served.store, customer_id)
    for _ in range(2):
        await asyncio.gather(*(tell(served, message, Kind.UNSUBSCRIBED) for _ in range(4)))
    assert len(await message.kept()) == 1
    assert len(await served.stored(customer_id)) == 1
    assert len(await consents(served.store, customer_id)) == 1


async def test_a_late_report_does_not_move_the_progress_back(
    served: Served, customer_id: str
) -> None:
    message = await write(served.store, customer_id)
    await tell(served, message, Kind.CLICKED, 3)
    await tell(served, message, Kind.DELIVERED, 1)
    await tell(served, message, Kind.OPENED, 2)
    row = await message.row()
    assert (row.progress, row.progress_at) == ("clicked", SENT_AT + 3 * MINUTE)
    names = [event.name for event in await served.stored(customer_id)]
    assert names == ["Message Delivered", "Message Opened", "Message Clicked"]


@pytest.mark.parametrize("order", [(2, 3), (3, 2)])
async def test_the_first_of_two_clicks_counts(
    store: Store, customer_id: str, order: tuple[int, int]
) -> None:
    message = await write(store, customer_id)
    for minutes in order:
        event_id = f"{message.order.id}:{minutes}"
        await take(message, message.report(Kind.CLICKED, minutes, event_id=event_id))
    assert (await message.row()).progress_at == SENT_AT + 2 * MINUTE


async def test_a_forged_report_is_refused_and_not_kept(served: Served, customer_id: str) -> None:
    message = await write(served.store, customer_id)
    hook = FAKE.hook(message.order, Kind.BOUNCED, "e")
    for headers in ({}, {"Authorization": "Basic OnRoZWlycw=="}):
        answer = await post(served, replace(hook, headers=headers))
        assert answer.status_code == 401
        assert answer.json()["error"]["path"] == "signature"
    assert await message.kept() == []
    assert await message.suppression() is None


async def test_a_report_of_unknown_shape_is_refused_and_named(served: Served) -> None:
    message = await write(served.store, "c-nobody")
    hook = FAKE.hook(message.order, Kind.BOUNCED, "e")
    answer = await post(served, replace(hook, body=b"[]"))
    assert answer.status_code == 400
    assert answer.json()["error"] == {"path": "body", "reason": "the body is not a JSON object"}
    metrics = (
        await served.operations.get("/metrics")
    ).text  # a provider's refused webhook is counted
    assert 'webhooks_refused_total{path="body",source="postmark",status="400"}' in metrics


async def test_a_report_that_is_too_large_is_not_read(served: Served) -> None:
    message = await write(served.store, "c-nobody")
    hook = FAKE.hook(message.order, Kind.BOUNCED, "e")
    answer = await post(served, replace(hook, body=b" " * (BODY_LIMIT + 1)))
    assert answer.status_code == 413


async def test_a_report_on_a_message_of_somebody_else_is_kept_and_counted(served: Served) -> None:
    order = Order(f"pm-{uuid4()}", "no-such-reference", "x@y.example", Channel.EMAIL, "")
    unmatched = 'sojourn_gateway_reports_unmatched_total{provider="postmark"}'
    before = await _metric(served, unmatched)
    answer = await post(served, FAKE.hook(order, Kind.BOUNCED, "e"))
    assert answer.status_code == 200
    query = select(ReportRow).where(col(ReportRow.event_id).startswith(order.id))
    async with served.store.reading() as session:
        (row,) = (await session.exec(query)).all()
        assert await session.get(SuppressionRow, ("email", "x@y.example")) is None
    assert row.ledger_id is None
    assert await _metric(served, unmatched) == before + 1
    assert await _metric(
        served, 'sojourn_gateway_reports_total{kind="bounced",provider="postmark"}'
    )


async def test_a_suppression_of_an_address_that_names_no_message_holds_for_the_address(
    served: Served,
) -> None:
    for reason, because in (("HardBounce", "bounced"), ("SpamComplaint", "complained")):
        address = f"{uuid4().hex}@shop.example"
        said: dict[str, Any] = {
            "RecordType": "SubscriptionChange",
            "MessageID": None,
            "ChangedAt": "2026-11-28T10:53:34Z",
            "Recipient": address,
            "Origin": "Admin",
            "SuppressSending": True,
            "SuppressionReason": reason,
            "Metadata": {},
        }
        answer = await post(served, replace(SIGNED, body=json.dumps(said).encode()))
        assert answer.status_code == 200
        async with served.store.reading() as session:
            row = await session.get(SuppressionRow, ("email", address))
        assert row is not None
        assert row.because == because


async def test_a_bounce_that_is_a_request_to_unsubscribe_is_a_refusal(
    served: Served, customer_id: str
) -> None:
    """Mail servers answer so for their customers; Postmark files it among the bounces."""
    message = await write(served.store, customer_id)
    said = {
        "RecordType": "Bounce",
        "ID": 5,
        "Type": "Unsubscribe",
        "TypeCode": 16,
        "Name": "Unsubscribe request",
        "MessageID": message.order.id,
        "Email": message.order.address,
        "BouncedAt": "2026-11-20T10:50:00Z",
        "Description": "Unsubscribe or Remove request.",
        "MessageStream": "broadcast",
        "Metadata": {"reference": message.order.reference},
    }
    answer = await post(served, replace(SIGNED, body=json.dumps(said).encode()))
    assert answer.status_code == 200
    ((channel, topic, granted, _),) = await consents(served.store, customer_id)
    assert (channel, topic, granted) == ("email", "cart", False)
    assert [event.name for event in await served.stored(customer_id)] == ["Message Unsubscribed"]
    assert await message.suppression() is None


async def _metric(served: Served, name: str) -> float:
    lines = (await served.operations.get("/metrics")).text.splitlines()
    return next((float(line.split()[-1]) for line in lines if line.startswith(name)), 0)


async def test_a_hard_bounce_suppresses_the_address_that_the_message_went_to(
    served: Served, customer_id: str
) -> None:
    message = await write(served.store, customer_id)
    elsewhere = replace(message.order, address="forwarded@elsewhere.example")
    await post(served, FAKE.hook(elsewhere, Kind.BOUNCED, "e", SENT_AT + MINUTE))
    row = await message.suppression()
    assert row is not None
    (kept,) = await message.kept()
    assert (row.because, row.source) == ("bounced", f"postmark:{kept.event_id}")
    (event,) = await served.stored(customer_id)
    assert (event.name, event.properties["hard"]) == ("Message Bounced", True)


async def test_a_complaint_suppresses_the_address(served: Served, customer_id: str) -> None:
    message = await write(served.store, customer_id)
    await tell(served, message, Kind.COMPLAINED)
    row = await message.suppression()
    assert row is not None
    assert row.because == "complained"


async def test_a_deferral_does_not_suppress_the_address(served: Served, customer_id: str) -> None:
    message = await write(served.store, customer_id)
    await tell(served, message, Kind.DEFERRED)
    assert await message.suppression() is None


async def test_a_report_of_unsubscribing_refuses_the_messages_topic(
    served: Served, customer_id: str
) -> None:
    message = await write(served.store, customer_id, topic="newsletter")
    await tell(served, message, Kind.UNSUBSCRIBED)
    assert await consents(served.store, customer_id) == [
        ("email", "newsletter", False, SENT_AT + MINUTE)
    ]
    (event,) = await served.stored(customer_id)
    assert event.properties["topic"] == "newsletter"


async def test_a_report_finds_a_customer_who_was_joined_to_another(
    served: Served, customer_id: str
) -> None:
    message = await write(served.store, customer_id)
    root = f"{customer_id}-root"
    await served.gateway.sojourn.alias(Alias(customer_id, root, "a", LATER))
    await tell(served, message, Kind.UNSUBSCRIBED)
    assert [event.name for event in await served.stored(root)] == ["Message Unsubscribed"]
    assert len(await consents(served.store, root)) == 1
    assert await consents(served.store, customer_id) == []


async def test_a_crash_between_ledger_and_run_loses_nothing(
    served: Served, customer_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = await write(served.store, customer_id)
    hook = FAKE.hook(message.order, Kind.CLICKED, "e", SENT_AT + MINUTE)

    async def away(*_: Any, **__: Any) -> None:
        raise StoreUnavailable("the database does not answer")

    with monkeypatch.context() as patch:
        patch.setattr(served.gateway.sojourn, "publish", away)
        answer = await post(served, hook)
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    assert len(await message.kept()) == 1
    assert await served.stored(customer_id) == []
    assert (await post(served, hook)).status_code == 200
    assert [event.name for event in await served.stored(customer_id)] == ["Message Clicked"]


async def test_a_report_is_kept_while_temporal_is_away(
    served: Served, customer_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = await write(served.store, customer_id)
    monkeypatch.setattr(served.gateway.sojourn.teller, "missing", "no server has answered yet")
    answer = await post(served, FAKE.hook(message.order, Kind.CLICKED, "e"))
    assert answer.status_code == 200
    assert len(await message.kept()) == 1
    assert [event.name for event in await served.stored(customer_id)] == ["Message Clicked"]


@pytest.mark.parametrize(
    ("name", "way"),
    [
        ("smtp", "smtp sends no webhooks"),
        ("outbox", "outbox sends no webhooks"),
        ("shopify", "set SOJOURN_SHOPIFY_SECRET"),
        ("pigeon", "no such shop or provider"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
async def test_an_unknown_address_is_answered_with_the_setting_to_set(
    served: Served, name: str, way: str, method: str
) -> None:
    answer = await served.http.request(method, f"/webhooks/{name}")
    assert answer.status_code == 404
    if method != "HEAD":
        assert answer.json()["error"]["reason"] == f"no webhooks are taken here: {way}"


async def test_a_provider_that_is_not_chosen_is_not_answered(served: Served) -> None:
    gateway = Gateway(Sojourn(served.gateway.sojourn.client, served.store, settings()))
    outcomes = ProviderReports(gateway.providers, gateway.report, "https://x.example")
    async with _asking(outcomes) as http:
        answer = await http.post("/webhooks/postmark")
    assert answer.status_code == 404
    assert answer.json()["error"]["reason"].endswith("set SOJOURN_EMAIL_PROVIDER=postmark")


def test_no_shop_has_a_providers_name() -> None:
    assert not SHOPS.keys() & PROJECT.carriers.shipped.keys()


async def test_a_gateway_needs_its_providers_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOJOURN_POSTMARK_TOKEN", raising=False)
    nothing: Any = None
    with pytest.raises(BadSetting, match="SOJOURN_POSTMARK_TOKEN"):
        Gateway(Sojourn(nothing, nothing, settings(email_provider="postmark")))


async def test_a_gateway_that_ends_closes_its_providers_connections(served: Served) -> None:
    sojourn = Sojourn(served.gateway.sojourn.client, served.store, settings())
    asked = Asked()
    async with serving(sojourn) as other:
        other.gateway.providers = {"asked": asked}
        assert not asked.closed
    assert asked.closed


# ---- what a provider is handed -------------------------------------------------------------


class Asked(Outbox):
    """A provider that tries its webhook's address."""

    name = "asked"

    def __init__(self) -> None:
        self.hooks: list[Hook] = []
        self.fault: Exception | None = None
        self.closed = False

    async def close(self) -> None:
        self.closed = True

    async def read(self, hook: Hook) -> Reading:
        self.hooks.append(hook)
        if self.fault is not None:
            raise self.fault
        return Reading(answer="<ok/>", media_type="text/xml")


def _asking(outcomes: ProviderReports) -> httpx.AsyncClient:
    async def take(*_: Any) -> list[Any]:
        raise AssertionError("no call of a shop")

    app = FastAPI()
    app.add_exception_handler(Refusal, answer)
    shop: Any = None
    app.include_router(router(Sources(shops={"shop": shop}), take, outcomes))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://10.0.0.7:81")


async def _nothing(name: str, told: Sequence[Report], at: datetime) -> None:
    assert (name, list(told)) == ("asked", [])


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
async def test_a_provider_gets_its_request_as_it_made_it(method: str) -> None:
    asked = Asked()
    outcomes = ProviderReports({"asked": asked}, _nothing, "https://shop.example/sojourn/")
    async with _asking(outcomes) as http:
        answer = await http.request(
            method, "/webhooks/asked?hub.challenge=a%2Fb&x=1", content=b"\xff", headers={"X-A": "b"}
        )
    assert answer.status_code == 200
    assert answer.text == ("" if method == "HEAD" else "<ok/>")
    assert answer.headers["content-type"].startswith("text/xml")
    (hook,) = asked.hooks
    assert (hook.method, hook.body, hook.headers["x-a"]) == (method, b"\xff", "b")
    assert hook.url == "https://shop.example/sojourn/webhooks/asked?hub.challenge=a%2Fb&x=1"


@pytest.mark.parametrize(
    ("fault", "status"), [(BadInput("no list"), 400), (TransientError("no certificate"), 503)]
)
async def test_a_report_that_its_provider_cannot_read_is_answered_with_the_reason(
    fault: Exception, status: int
) -> None:
    asked = Asked()
    asked.fault = fault
    async with _asking(ProviderReports({"asked": asked}, _nothing, "https://x.example")) as http:
        assert (await http.post("/webhooks/asked")).status_code == status


async def test_a_shops_address_answers_a_get_with_405() -> None:
    async with _asking(ProviderReports({}, _nothing, "https://x.example")) as http:
        answer = await http.get("/webhooks/shop")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


# ---- which message -------------------------------------------------------------------------


async def test_a_report_without_our_reference_is_found_by_the_providers_id(
    store: Store, customer_id: str
) -> None:
    message = await write(store, customer_id)
    assert await take(message, message.report(Kind.DELIVERED, reference="")) is not None
    assert (await message.row()).progress == "delivered"


async def test_a_report_on_an_earlier_attempt_is_found_by_its_id(
    store: Store, customer_id: str
) -> None:
    message = await write(store, customer_id, state="unknown")
    async with store.transaction() as session:
        attempt = await session.get(AttemptRow, (await message.attempt()).id)
        assert attempt is not None
        attempt.provider_id = message.order.id
    assert await take(message, message.report(Kind.DELIVERED, reference="")) is not None
    assert (await message.row()).provider_id == message.order.id


async def test_a_report_does_not_match_another_providers_message_of_the_same_id(
    store: Store, customer_id: str
) -> None:
    message = await write(store, customer_id)
    told = message.report(Kind.DELIVERED, reference="")
    async with store.transaction() as session:
        assert await reports.take(session, "resend", told, LATER) is None


async def test_a_report_that_overtook_the_answer_is_found_when_it_is_sent_again(
    store: Store, customer_id: str
) -> None:
    message = await write(store, customer_id, state="submitting")
    told = message.report(Kind.BOUNCED, reference="", hard=True)
    assert await take(message, told) is None
    async with store.transaction() as session:
        await settling.settle(
            session, message.ledger_id, MessageState.SENT, provider_id=message.order.id
        )
    for _ in range(2):
        assert await take(message, told) is not None
    assert (await message.row()).progress == "bounced"
    assert await message.suppression() is not None
    assert len(await message.kept()) == 1


@pytest.mark.parametrize("state", ["sent", "submitting", "unknown"])
async def test_a_reply_belongs_to_the_newest_message_to_its_sender(
    store: Store, customer_id: str, state: str
) -> None:
    phone = f"+39333{uuid4().int % 10**7:07}"
    sms: dict[str, Any] = {"channel": Channel.SMS, "address": phone, "state": state}
    messages = [
        await write(store, customer_id, step="late", submitted_at=SENT_AT + 9 * MINUTE, **sms),
        await write(store, customer_id, step="meant", submitted_at=SENT_AT, **sms),
        await write(store, customer_id, step="old", submitted_at=SENT_AT - MINUTE, **sms),
        await write(store, customer_id, step="refused", **{**sms, "state": "rejected"}),
        await write(store, customer_id, step="elsewhere", **{**sms, "channel": Channel.WHATSAPP}),
    ]
    told = Report(
        f"reply-{phone}", Kind.REPLIED, SENT_AT + MINUTE, Channel.SMS, address=phone[1:], text="Hi"
    )
    found = await take(messages[0], told)
    assert found is not None
    assert (found.step, found.customer_id) == ("meant", customer_id)
    row = await messages[1].row()
    # a reply to an earlier message proves nothing about the last one
    assert (row.state, row.progress) == (state, "replied")
    event = intake.event_of(found)
    assert event is not None
    assert event.properties()["text"] == "Hi"
    assert "text" not in event.public()


async def test_a_reply_by_mail_is_found_whatever_its_capitals(
    store: Store, customer_id: str
) -> None:
    message = await write(store, customer_id)
    address = message.order.address.upper()
    told = message.report(Kind.REPLIED, reference="", provider_id="", address=address)
    assert await take(message, told) is not None


async def test_a_bounce_is_not_matched_by_its_address(store: Store, customer_id: str) -> None:
    message = await write(store, customer_id)
    told = message.report(Kind.BOUNCED, reference="", provider_id="", hard=True)
    assert await take(message, told) is None


@pytest.mark.parametrize("channel", [Channel.SMS, Channel.WHATSAPP])
async def test_a_stop_word_refuses_all_promotional_messages(
    store: Store, customer_id: str, channel: Channel
) -> None:
    phone = f"+39333{uuid4().int % 10**7:07}"
    message = await write(store, customer_id, channel=channel, address=phone)
    told = message.report(Kind.UNSUBSCRIBED, reference="", provider_id="")
    found = await take(message, told)
    assert await consents(store, customer_id) == [(channel.value, "", False, told.at)]
    assert found is not None
    event = intake.event_of(found)
    assert event is not None
    assert "topic" not in event.properties()


@pytest.mark.parametrize(
    ("written", "sender"),
    [
        ("+5531987654321", "553187654321"),
        ("+525512345678", "5215512345678"),
        ("+5491123456789", "541123456789"),
    ],
)
async def test_a_stop_word_is_about_the_newest_message_however_whatsapp_writes_the_number(
    store: Store, customer_id: str, written: str, sender: str
) -> None:
    message = await write(
        store, customer_id, channel=Channel.WHATSAPP, address=written, submitted_at=LATER - MINUTE
    )
    told = message.report(Kind.UNSUBSCRIBED, at=LATER, reference="", provider_id="", address=sender)
    found = await take(message, told)
    assert found is not None
    assert found.customer_id == customer_id
    assert await consents(store, customer_id) == [("whatsapp", "", False, LATER)]


async def test_a_refusal_counts_from_its_arrival(store: Store, customer_id: str) -> None:
    """A customer agrees, and a stop word arrives that the provider dates before that."""
    phone = f"+39333{uuid4().int % 10**7:07}"
    identity = read_identity(
        {"phone": phone, "marketingConsent": {"sms": True}},
        customer_id=customer_id,
        message_id=customer_id,
        at=SENT_AT + 5 * MINUTE,
    )
    async with store.transaction() as session:
        await cards.identify(session, identity)
    message = await write(store, customer_id, channel=Channel.SMS, address=phone)
    await take(message, message.report(Kind.UNSUBSCRIBED), SENT_AT + 9 * MINUTE)
    async with store.reading() as session:
        stands = await current(session, customer_id)
    assert stands.by_channel == {Channel.SMS: False}


async def test_a_device_that_is_gone_is_suppressed_with_that_reason(
    store: Store, customer_id: str
) -> None:
    token = f"token-{customer_id}"
    message = await write(store, customer_id, channel=Channel.PUSH, address=token)
    await take(message, message.report(Kind.FAILED, hard=True))
    row = await message.suppression()
    assert row is not None
    assert row.because == "gone"


# ---- events --------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", Kind)
async def test_every_report_but_acceptance_is_an_event_with_an_id_of_its_own(
    store: Store, customer_id: str, kind: Kind
) -> None:
    message = await write(store, customer_id)
    for event_id in ("e1", "e" * 200, "a\nb"):
        told = await take(message, message.report(kind, event_id=event_id + message.order.id))
        assert told is not None
        event = intake.event_of(told)
        if kind is Kind.ACCEPTED:
            assert event is None
        else:
            assert event is not None
            assert event.message_id.startswith("postmark:")
            assert event.run == (await message.row()).workflow_id


async def test_a_reply_of_any_text_can_be_stored(served: Served, customer_id: str) -> None:
    message = await write(served.store, customer_id)
    told = message.report(
        Kind.REPLIED,
        event_id=f"{customer_id}\0" + "e" * 300,
        at=datetime(1, 1, 1, tzinfo=UTC),
        text="no\0 \udcee" + "!" * 200_000,
        detail="\0",
    )
    for _ in range(2):
        await served.gateway.report("postmark", [told], LATER)
    (event,) = await served.stored(customer_id)
    assert event.properties["text"].startswith("no? ?!")
    assert len(await message.kept()) == 1


async def test_the_other_reports_of_a_webhook_are_taken_if_one_fails(
    served: Served, customer_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = await write(served.store, customer_id)
    told = [message.report(kind) for kind in (Kind.DELIVERED, Kind.OPENED, Kind.CLICKED)]
    publish = served.gateway.sojourn.publish

    async def fail_once(event: Any, **options: Any) -> Any:
        if event.event_name == "Message Delivered":
            raise StoreUnavailable("the database does not answer")
        return await publish(event, **options)

    monkeypatch.setattr(served.gateway.sojourn, "publish", fail_once)
    with pytest.raises(StoreUnavailable):
        await served.gateway.report("postmark", told, LATER)
    assert len(await message.kept()) == 3
    assert len(await served.stored(customer_id)) == 2


# ---- any order -----------------------------------------------------------------------------

HARD = (Kind.BOUNCED, Kind.FAILED)
TOLD = [(kind, minutes) for minutes, kind in enumerate(Kind)] + [(Kind.CLICKED, 1)]


async def _ended(
    store: Store, told: Sequence[tuple[Kind, int]], state: str
) -> tuple[dict[str, Any], ...]:
    """Return the end of a message, its attempt, its address and its customer's consent."""
    customer_id = f"c-{uuid4().hex}"
    identity = read_identity({}, customer_id=customer_id, message_id=customer_id, at=SENT_AT)
    async with store.transaction() as session:
        await cards.identify(session, identity)
    message = await write(store, customer_id, state=state)
    for kind, minutes in told:
        report = message.report(kind, minutes, event_id=f"{message.order.id}:{kind}:{minutes}")
        await take(message, replace(report, hard=kind in HARD))
    row, attempt = await message.row(), await message.attempt()
    dead = await message.suppression()
    own = {"id", "ledger_id", "ledger_key", "reference", "message_id", "workflow_id", "enrolment"}
    own |= {"customer_id", "provider_id", "address", "source"}
    said = sorted(await consents(store, customer_id))
    assert row.provider_id == message.order.id
    return (
        row.model_dump(exclude=own),
        attempt.model_dump(exclude=own),
        dead.model_dump(exclude=own) if dead else {},
        {"said": said},
    )


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[tuple[Kind, int]], list[tuple[Kind, int]]]:
    """Draw some reports, and the same in another order and with repetitions."""
    some = draw(st.lists(st.sampled_from(TOLD), min_size=1, unique=True))
    again = draw(st.lists(st.sampled_from(some), max_size=5))
    return some, draw(st.permutations([*some, *again]))


@fewer(0.2)
@given(
    both=histories(),
    state=st.sampled_from(["sent", "submitting", "unknown", "claimed"]),
)
async def test_reports_in_any_order_and_repetition_end_the_same(
    store: Store, both: tuple[list[tuple[Kind, int]], list[tuple[Kind, int]]], state: str
) -> None:
    straight, shuffled = both
    assert await _ended(store, shuffled, state) == await _ended(store, straight, state)
