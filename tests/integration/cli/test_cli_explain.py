"""`sojourn explain` tells a customer's story, with and without a Temporal server."""

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from temporalio.client import WorkflowExecutionStatus

from sojourn.domain import errors
from sojourn.domain.consent import Evidence
from sojourn.domain.customer import read_identity
from sojourn.domain.devices import Device
from sojourn.domain.errors import ProviderError
from sojourn.domain.events import OrderCompleted, ProductAdded, SignedUp, SubscriptionCancelled
from sojourn.domain.messages import Channel, Reason
from sojourn.domain.reasons import explain
from sojourn.domain.reports import Kind
from sojourn.domain.states import AttemptState, MessageState
from sojourn.insight.card import masked
from sojourn.store import cards, choices, consents, devices, handovers, joining, people
from sojourn.store.tables import ContentRow, EventRow, SuppressionRow
from tests.support.cli_stack import Answer, Cli
from tests.support.project import PROJECT

NOON = datetime(2024, 3, 5, 12, tzinfo=UTC)
ROME = {
    "email": "ada@example.com",
    "timezone": "Europe/Rome",
    "locale": "it-IT",
    "phone": "+39 320 1234567",
}
HOUR = timedelta(hours=1)


async def event(
    cli: Cli, customer_id: str, name: str, at: datetime, *, routed: bool = True, **properties: Any
) -> str:
    """Store an event as dispatch does."""
    message_id = str(uuid4())
    received = properties.pop("received_at", at)
    async with cli.store.transaction() as session:
        session.add(
            EventRow(
                message_id=message_id,
                customer_id=customer_id,
                name=name,
                occurred_at=at,
                received_at=received,
                routed_at=at if routed else None,
                properties=properties,
            )
        )
    return message_id


def told(answer: Answer, words: str) -> str:
    """Return the line of the answer that has these words."""
    (line,) = [line for line in answer.out.splitlines() if words in line]
    return line


async def test_explain_refuses_an_unknown_customer(offline: Cli) -> None:
    answer = await offline("explain", "nobody")
    assert (answer.code, answer.out) == (2, "")
    assert 'no customer "nobody"' in answer.fault


async def test_the_card_masks_addresses_and_shows_the_latest_word(offline: Cli) -> None:
    ada = await offline.identify(**ROME, marketingConsent={"email": True, "sms": True})
    async with offline.store.transaction() as session:
        person = await people.lock(session, ada)
        await consents.record(session, person, Channel.SMS, granted=False, at=NOON, source="form")
        await consents.record(
            session, person, None, granted=False, at=NOON, source="form", topic="cart"
        )
    answer = await offline("explain", ada)
    assert answer.code == 0
    assert "agreed to promotional" in told(answer, "a***@example.com")
    assert "said no to promotional" in told(answer, "sms      +39***67")
    assert "never asked" in told(answer, "whatsapp +39***67")
    assert "cart" in told(answer, "no to    ")
    assert "Europe/Rome" in told(answer, "zone ")
    assert "assumed" not in told(answer, "zone ")
    for secret in ("ada@example.com", "1234567"):
        assert secret not in answer.out
        assert secret not in (await offline("explain", ada, "--json")).out


async def test_the_card_shows_suppressed_addresses(offline: Cli) -> None:
    ada = await offline.identify(**ROME)
    async with offline.store.transaction() as session:
        session.add(
            SuppressionRow(
                channel="email", address="ada@example.com", because="bounced", at=NOON, source="x"
            )
        )
    answer = await offline("explain", ada)
    dead = "nothing is sent to this address any more"
    assert dead in told(answer, "  email ")
    assert dead not in told(answer, "  sms ")
    reach = (await offline("explain", ada, "--json")).json["customer"]["channels"]
    assert [one["channel"] for one in reach if one["suppressed"]] == ["email"]


async def test_explain_says_that_the_clock_of_a_run_was_moved_on(
    offline: Cli,
) -> None:
    words = "the run's clock was moved on"
    ada = await offline.identify(**ROME)
    await offline.attempted(await offline.decided(ada, at=NOON), at=NOON)
    assert words not in (await offline("explain", ada)).out
    number = await offline.decided(ada, at=NOON + 24 * HOUR, n=2, step="nudge")
    await offline.attempted(number, at=NOON)
    assert words in (await offline("explain", ada)).out


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("", ""),
        ("ada@example.com", "a***@example.com"),
        ("+393201234567", "+39***67"),
        ("short", "***"),
        ("@x", "***@x"),
    ],
)
def test_addresses_are_masked(address: str, shown: str) -> None:
    assert masked(address) == shown


async def test_explain_says_that_a_customer_was_never_identified(offline: Cli) -> None:
    await event(offline, "anon", "Signed Up", NOON)
    async with offline.store.transaction() as session:
        await people.lock(session, "anon")
    answer = await offline("explain", "anon")
    assert "not identified" in answer.out
    assert "assumed" in told(answer, "zone ")
    assert "nothing can be sent" in answer.out


async def test_without_temporal_explain_tells_from_the_store(offline: Cli) -> None:
    ada = await offline.identify(**ROME)
    await event(offline, ada, "Product Added", NOON, cart_id="k1", product_id="p1")
    await offline.decided(ada, at=NOON + 24 * HOUR)
    answer = await offline("explain", ada)
    assert answer.code == 0
    assert "no Temporal server answers at 127.0.0.1:1" in told(answer, "as far as the store knows")
    assert told(answer, "Product Added").startswith("  Tue 2024-03-05 13:00:00")
    assert "sent by email" in told(answer, "→ abandoned-cart k1 reminder")
    as_json = (await offline("explain", ada, "--json")).json
    assert as_json["temporal"].startswith("no Temporal server")
    assert [entry["kind"] for entry in as_json["timeline"]] == ["consent", "event", "message"]


async def test_each_reason_of_a_skip_is_told_in_words(offline: Cli) -> None:
    ada = await offline.identify()
    for reason in Reason:
        await offline.decided(ada, at=NOON, step=reason.value, state="skipped", reason=reason.value)
    answer = await offline("explain", ada)
    for reason in Reason:
        line = told(answer, f"k1 {reason.value}: ")
        assert line.endswith(f"skipped because {explain(reason)}")


async def test_a_hold_says_until_when_by_the_customers_clock(offline: Cli) -> None:
    ada = await offline.identify(**ROME)
    night, morning = NOON.replace(hour=21), NOON + timedelta(hours=20)
    await offline.decided(ada, at=night, state="deferred", reason="quiet_hours", held_until=morning)
    line = told(await offline("explain", ada), "reminder")
    assert line.startswith("  Tue 2024-03-05 22:00:00")
    assert "held until Wed 6 Mar 2024 09:00 because it was quiet hours" in line


async def test_the_event_that_prevented_a_message_is_named(offline: Cli) -> None:
    ada = await offline.identify(**ROME)
    bought = await event(offline, ada, "Order Completed", NOON, order_id="o1", cart_id="k1")
    await offline.decided(
        ada,
        at=NOON - HOUR,
        state="skipped",
        reason="goal_reached",
        held_until=NOON + HOUR,
        caused_by=bought,
    )
    line = told(await offline("explain", ada), "reminder")
    assert "held until Tue 5 Mar 2024 14:00, then skipped" in line
    assert line.endswith(
        "the journey's goal had been reached: Order Completed, Tue 5 Mar 2024 13:00"
    )
    timeline = (await offline("explain", ada, "--json")).json["timeline"]
    (message,) = [entry for entry in timeline if entry["kind"] == "message"]
    assert message["caused_by"]["message_id"] == bought
    assert message["caused_by"]["at"] == "2024-03-05T12:00:00Z"


async def test_a_purchase_that_came_in_too_late_to_prevent_is_named(offline: Cli) -> None:
    ada = await offline.identify(**ROME)
    start = await event(offline, ada, "Product Added", NOON, cart_id="k1", product_id="p")
    await event(offline, ada, "Product Added", NOON, cart_id="other", product_id="p")
    claimed = datetime(2024, 3, 6, 12, tzinfo=UTC)
    await offline.decided(ada, at=claimed, claimed_at=claimed, enrolment=start)
    for cart, received in (("k1", claimed - HOUR / 2), ("other", claimed + HOUR)):
        await event(
            offline, ada, "Order Completed", claimed - HOUR, order_id="o", cart_id=cart,
            received_at=received,
        )  # fmt: skip
    assert told(await offline("explain", ada), "reminder").endswith("sent by email")
    await event(
        offline, ada, "Order Completed", claimed - HOUR, order_id="o", cart_id="k1",
        received_at=claimed + HOUR,
    )  # fmt: skip
    line = told(await offline("explain", ada), "reminder")
    assert "Order Completed of Wed 6 Mar 2024 12:00 came in only after that" in line


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"state": "claimed", "detail": "451 busy", "attempt": 3}, "attempt 3: 451 busy"),
        ({"state": "submitting", "provider": "smtp"}, "being handed to smtp"),
        ({"state": "unknown"}, "perhaps sent: the provider's answer was lost"),
        ({"state": "expired", "reason": "too_late"}, "given up"),
        ({"state": "rejected", "reason": "template", "detail": "x.html:3"}, "x.html:3"),
        ({"state": "sent", "possible_duplicate": True}, "it may have arrived twice"),
    ],
)
async def test_every_other_end_of_a_message_is_told_in_words(
    offline: Cli, row: dict[str, Any], words: str
) -> None:
    ada = await offline.identify()
    await offline.decided(ada, at=NOON, **row)
    assert words in told(await offline("explain", ada), "reminder")


def test_every_state_of_the_ledger_has_words() -> None:
    from sojourn.insight.fate import _IN_SHADOW, _IN_WORDS

    assert set(MessageState) - {MessageState.SHADOW} == set(_IN_WORDS)
    assert set(_IN_SHADOW) == set(_IN_WORDS) - {"submitting", "unknown"}


async def test_events_no_journey_hears_are_counted_and_shown_on_demand(offline: Cli) -> None:
    ada = await offline.identify()
    for n in range(3):
        await event(offline, ada, "Product Viewed", NOON, n=n)
    assert "3; --all shows them" in (await offline("explain", ada)).out
    assert (await offline("explain", ada, "--all")).out.count("Product Viewed") == 3


async def test_explain_shows_no_personal_fields_of_events(offline: Cli) -> None:
    ada = await offline.identify()
    await event(
        offline, ada, "Signed Up", NOON, plan="pro", email="ada@home.test", first_name="Ada"
    )
    await event(
        offline, ada, "Subscription Cancelled", NOON, subscription_id="s", reason="my divorce"
    )
    await event(offline, ada, "Poll Answered", NOON, free_text="private matters")
    answer = await offline("explain", ada, "--json", "--all")
    assert "pro" in answer.out
    for private in ("ada@home.test", "divorce", "private matters"):
        assert private not in answer.out
    assert SignedUp.event_name in answer.out
    assert SubscriptionCancelled.event_name in answer.out


async def test_an_event_no_run_was_told_of_is_marked(offline: Cli) -> None:
    ada = await offline.identify()
    await event(offline, ada, "Signed Up", NOON, routed=False)
    assert "no run was told of it yet" in told(await offline("explain", ada), "Signed Up")


async def test_explain_shows_runs_as_temporal_knows_them(cli: Cli) -> None:
    ada = await cli.identify(**ROME)
    now = datetime.now(UTC)
    await cli.sojourn.publish(
        ProductAdded(customer_id=ada, cart_id="open", product_id="p", occurred_at=now)
    )
    await cli.sojourn.publish(
        ProductAdded(customer_id=ada, cart_id="bought", product_id="p", occurred_at=now)
    )
    # a run that is bought before its first step waits for nothing
    await cli.until("explain", ada, holds=lambda a: a.out.count("    wait 24 h after") == 2)
    await cli.sojourn.publish(OrderCompleted(customer_id=ada, order_id="o", cart_id="bought"))
    answer = await cli.until("explain", ada, holds=lambda a: "bought: converted" in a.out)
    assert "abandoned-cart open: running (started" in answer.out
    assert "wait 24 h after the last Product Added for Order Completed, until" in answer.out
    runs = {run["key"]: run for run in (await cli("explain", ada, "--json")).json["runs"]}
    assert runs["open"]["until"] == (now + 24 * HOUR).isoformat().replace("+00:00", "Z")
    assert (runs["bought"]["status"], runs["bought"]["outcome"]) == ("completed", "converted")
    timeline = (await cli("explain", ada, "--json")).json["timeline"]
    waits = {one["workflow_id"]: one for one in timeline if one["kind"] == "wait"}
    goes_on, ended = waits[runs["open"]["workflow_id"]], waits[runs["bought"]["workflow_id"]]
    assert (goes_on["ended"], goes_on["text"]) == (
        None,
        "wait 24 h after the last Product Added for Order Completed",
    )
    assert (ended["ended"] is not None, ended["came"]) == (True, False)
    assert f"{ended['workflow_id']}: {ended['text']}; ended early" in answer.out


async def test_a_run_that_temporal_forgot_is_still_named(cli: Cli) -> None:
    ada = await cli.identify()
    await cli.sojourn.publish(ProductAdded(customer_id=ada, cart_id="k", product_id="p"))
    handle = cli.sojourn.client.get_workflow_handle(f"abandoned-cart:{ada}:k")
    assert (await handle.describe()).status is WorkflowExecutionStatus.RUNNING
    await cli.until("explain", ada, holds=lambda a: "k: running" in a.out)
    async with cli.store.transaction() as session:
        from sojourn.store.tables import RunRow

        session.add(
            RunRow(
                workflow_id=f"abandoned-cart:{ada}:old",
                run_id=str(uuid4()),
                journey="abandoned-cart",
                customer_id=ada,
                key="old",
                enrolment="e",
                started_at=NOON,
            )
        )
    assert "abandoned-cart old: Temporal does not list it" in (await cli("explain", ada)).out


# ---- attempts, reports, pauses -------------------------------------------------------------


def course(answer: Answer, step: str) -> list[str]:
    """Return the lines below a message."""
    lines = answer.out.splitlines()
    (start,) = [n for n, line in enumerate(lines) if f" {step}: " in line]
    below = itertools.takewhile(lambda line: line.startswith("      "), lines[start + 1 :])
    return [line.strip() for line in below]


async def test_attempts_and_reports_are_told_in_order(offline: Cli) -> None:
    ada = await offline.identify(**ROME)
    number = await offline.decided(
        ada, {"channel": "email"}, at=NOON, attempt=2, progress="clicked", possible_duplicate=True
    )
    minute = timedelta(minutes=1)
    await offline.attempted(
        number, at=NOON, state="released", error="RateLimited", detail="429: wait 30 s"
    )
    await offline.attempted(
        number, at=NOON + minute, attempt=2, error="AmbiguousSend", detail="read timeout",
        settled_by="look-up", settled_at=NOON + 2 * minute,
    )  # fmt: skip
    await offline.reported(number, "clicked", at=NOON + 24 * HOUR)
    await offline.reported(number, "delivered", at=NOON + 3 * minute)
    answer = await offline("explain", ada)
    assert told(answer, " reminder: ").endswith(
        "sent by email, then clicked; it may have arrived twice"
    )
    assert course(answer, "reminder") == [
        "13:00:00  postmark asked us to slow down (429: wait 30 s); certainly not sent",
        "13:01:00  handed to postmark: no clear answer came (read timeout)",
        "13:02:00  looked up: postmark has it",
        "13:03:00  delivered",
        "Wed 2024-03-06 13:00:00  clicked",
    ]
    (message,) = [
        entry
        for entry in (await offline("explain", ada, "--json")).json["timeline"]
        if entry["kind"] == "message"
    ]
    assert (message["progress"], message["possible_duplicate"]) == ("clicked", True)
    assert message["attempts"][0] == {
        "at": "2024-03-05T12:00:00Z",
        "text": "postmark asked us to slow down (429: wait 30 s); certainly not sent",
        "settled": "",
        "attempt": 1,
        "provider": "postmark",
        "state": "released",
        "settled_at": "2024-03-05T12:00:00Z",
        "settled_by": "answer",
        "provider_id": None,
        "error": "RateLimited",
        "detail": "429: wait 30 s",
    }
    assert message["reports"][0] == {
        "at": "2024-03-05T12:03:00Z",
        "text": "delivered",
        "provider": "postmark",
        "kind": "delivered",
        "received_at": "2024-03-05T12:03:00Z",
        "detail": "",
    }


LOST = {"error": "AmbiguousSend", "detail": "reset"}
BROKE = "handed to postmark: no clear answer came (reset)"


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({}, "postmark took it"),
        ({"settled_by": None, "settled_at": None}, "postmark took it"),
        (
            {"state": "refused", "error": "InvalidRecipient", "detail": "550"},
            "postmark said that there is no such address (550); it is not tried again",
        ),
        (
            {"state": "released", "error": "NewKind"},
            "postmark answered NewKind; certainly not sent",
        ),
        ({"state": "released", "error": None}, "postmark did not take it; certainly not sent"),
        ({"state": "ambiguous", **LOST}, f"{BROKE}: perhaps sent"),
        ({"state": "ambiguous", "settled_by": "gate", **LOST}, f"{BROKE}: perhaps sent"),
        (
            {"state": "ambiguous", "keyed": False, **LOST},
            "handed with others, under no key of its own, to postmark: no clear answer came "
            "(reset): perhaps sent",
        ),
        ({"state": "superseded", **LOST}, f"{BROKE}; the next attempt took over"),
        (
            {"state": "submitting", "settled_by": None},
            "handed to postmark; if it stays so, the attempt died over it",
        ),
    ],
)
async def test_every_end_of_an_attempt_has_words(
    offline: Cli, row: dict[str, Any], words: str
) -> None:
    ada = await offline.identify(timezone="UTC")
    await offline.attempted(await offline.decided(ada, at=NOON), at=NOON, **row)
    assert course(await offline("explain", ada), "reminder") == [f"12:00:00  {words}"]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (
            {"state": "released", "settled_by": "look-up"},
            "looked up: postmark never got it, so it may go again",
        ),
        ({"settled_by": "report"}, "reported later: it was sent"),
        ({"settled_by": "anna"}, "settled by anna: it was sent"),
        ({"state": "refused", "settled_by": "anna"}, "settled by anna: it was not sent"),
    ],
)
async def test_the_settlement_of_a_lost_answer_has_a_line_of_its_own(
    offline: Cli, row: dict[str, Any], words: str
) -> None:
    ada, later = await offline.identify(timezone="UTC"), NOON + HOUR
    number = await offline.decided(ada, at=NOON)
    await offline.attempted(number, at=NOON, settled_at=later, **LOST, **row)
    assert course(await offline("explain", ada), "reminder") == [
        f"12:00:00  {BROKE}",
        f"13:00:00  {words}",
    ]


async def test_an_attempt_of_a_worker_that_died_has_no_answer(offline: Cli) -> None:
    ada = await offline.identify(timezone="UTC")
    number = await offline.decided(ada, at=NOON)
    await offline.attempted(number, at=NOON, settled_by="look-up")
    assert course(await offline("explain", ada), "reminder") == [
        "12:00:00  handed to postmark: no answer was noted",
        "12:00:00  looked up: postmark has it",
    ]


def test_every_error_of_a_provider_and_every_report_has_words() -> None:
    from sojourn.insight.course import _ERRORS, _REPORTS

    def kinds(error: type[ProviderError]) -> set[str]:
        return {error.__name__}.union(*(kinds(one) for one in error.__subclasses__()))

    ours = {one for one in kinds(ProviderError) if hasattr(errors, one)}
    assert ours - {"ProviderError", "AmbiguousSend"} == set(_ERRORS)
    assert set(Kind) == set(_REPORTS)


async def test_the_detail_of_an_attempt_is_said_once(offline: Cli) -> None:
    ada = await offline.identify()
    number = await offline.decided(
        ada, at=NOON, state="rejected", reason="refused", detail="too large", attempt=1
    )
    before = told(await offline("explain", ada), "reminder: ")
    assert before.endswith("; attempt 1: too large")
    await offline.attempted(
        number, at=NOON, state="refused", error="ContentRejected", detail="too large"
    )
    answer = await offline("explain", ada)
    assert told(answer, "reminder: ").endswith("refused the message for good")
    assert answer.out.count("too large") == 1


async def test_an_operators_settlement_names_the_operator(offline: Cli) -> None:
    ada = await offline.identify()
    number = await offline.decided(ada, at=NOON, state="unknown", detail="no answer")
    await offline.attempted(number, at=NOON, state="ambiguous", settled_by="gate", **LOST)
    assert "perhaps sent" in told(await offline("explain", ada), "reminder: ")
    await offline("ledger", "settle", number, "not-sent", "--why", "not in their log")
    assert told(await offline("explain", ada), "reminder: ").endswith(
        "rejected because an operator found that it was not sent; "
        "settled by operator: not in their log"
    )


async def test_a_bounce_says_whether_the_address_is_still_written_to(offline: Cli) -> None:
    ada = await offline.identify(timezone="UTC")
    number = await offline.decided(ada, {"channel": "email"}, at=NOON, progress="bounced")
    await offline.attempted(number, at=NOON)
    await offline.reported(
        number, "bounced", at=NOON, detail="550 5.1.1 <ADA@example.com> is unknown"
    )
    bounced = "12:00:00  bounced: 550 5.1.1 <a***@example.com> is unknown"
    answer = await offline("explain", ada)
    assert course(answer, "reminder") == ["12:00:00  postmark took it", bounced]
    async with offline.store.transaction() as session:
        session.add(
            SuppressionRow(
                channel="email", address="ada@example.com", because="bounced", at=NOON, source="r"
            )
        )
    answer = await offline("explain", ada)
    assert course(answer, "reminder")[-1] == (
        f"{bounced}; nothing is sent to this address any more"
    )
    assert "ada@example.com" not in (await offline("explain", ada, "--json")).out.lower()


async def test_explain_shows_no_words_of_a_reply(offline: Cli) -> None:
    ada = await offline.identify()
    number = await offline.decided(ada, at=NOON)
    await offline.reported(number, "replied", at=NOON, detail="my divorce")
    answer = await offline("explain", ada, "--json")
    assert "answered by the recipient" in answer.out
    assert "divorce" not in answer.out


async def test_explain_says_why_a_channel_is_paused(offline: Cli) -> None:
    ada = await offline.identify(timezone="UTC")
    await offline.decided(ada, at=NOON, state="deferred", reason="paused", held_until=NOON + HOUR)
    await offline("channels", "pause", "email", "--why", "wrong price")
    assert told(await offline("explain", ada), "reminder: ").endswith(
        "held until Tue 5 Mar 2024 13:00 because the channel was paused, "
        "and email still is: wrong price"
    )
    await offline("channels", "resume", "email")
    assert told(await offline("explain", ada), "reminder: ").endswith("the channel was paused")


# ---- joined customers, changed addresses ---------------------------------------------------


async def test_explain_finds_a_joined_customer_by_either_id(offline: Cli) -> None:
    ada, old = await offline.identify(), await offline.identify()
    await event(offline, old, "Product Added", NOON, product_id="p", cart_id="k")
    await offline.decided(old, at=NOON + HOUR)
    async with offline.store.transaction() as session:
        await joining.join(session, old, ada, at=NOON + 2 * HOUR)
    answer = await offline("explain", ada)
    assert f"Customer {ada}" in answer.out
    assert told(answer, "also known as").endswith(old)
    assert f", sent as {old}" in told(answer, "Product Added")
    assert "abandoned-cart" in told(answer, "→")
    assert "is the same person" in answer.out
    assert (await offline("explain", old)).out == answer.out


async def test_explain_tells_of_a_changed_address_between_its_messages(offline: Cli) -> None:
    ada = await offline.identify(email="ada@example.com")
    mail = {"channel": "email", "text": "hello"}
    await offline.decided(ada, mail, at=NOON)  # to ada@example.com
    for hours, email in ((1, "countess@example.org"), (2, "")):
        identity = read_identity(
            {"email": email}, customer_id=ada, message_id=f"i{hours}", at=NOON + hours * HOUR
        )
        async with offline.store.transaction() as session:
            await cards.identify(session, identity)
        answer = await offline("explain", ada)
        change = "became c***@example.org" if email else "was taken away"
        assert f"it went to a***@example.com; the address {change}" in told(answer, "→")
    await offline.decided(ada, n=2, at=NOON + 3 * HOUR, state="skipped", reason="no_address")
    answer = await offline("explain", ada)
    assert "no address" in told(answer, "it was taken away Tue 5 Mar")
    assert "was a***@example.com" in told(answer, "e-mail address became c***@example.org")
    assert "was c***@example.org" in told(answer, "e-mail address was taken away")
    for secret in ("ada@example.com", "countess@"):
        assert secret not in (await offline("explain", ada, "--json")).out


async def test_an_order_of_an_unknown_cart_says_that_it_counts_for_all(offline: Cli) -> None:
    ada = await offline.identify()
    await event(offline, ada, "Product Added", NOON, product_id="p", cart_id="A")
    await event(offline, ada, "Order Completed", NOON + HOUR, order_id="o1", cart_id="A?key=1")
    await event(offline, ada, "Order Completed", NOON + 2 * HOUR, order_id="o2", cart_id="B")
    answer = await offline("explain", ada)
    words = "nothing of this cart_id before, so it counts for every run of abandoned-cart"
    assert words in told(answer, "order_id o2")
    assert words not in told(answer, "order_id o1")


async def test_a_copy_of_another_ids_purchase_says_whose_it_is(offline: Cli) -> None:
    ada = await offline.identify()
    async with offline.store.transaction() as session:
        session.add(
            EventRow(
                message_id=f"{ada}/as",
                copy_of=ada,
                customer_id=ada,
                name="Order Completed",
                occurred_at=NOON,
                received_at=NOON,
                routed_at=NOON,
                properties={"order_id": "o"},
            )
        )
    assert "under another id of the same person" in told(
        await offline("explain", ada), "Order Completed"
    )


async def test_explain_shows_what_was_left_out_of_an_event(offline: Cli) -> None:
    ada = await offline.identify(**ROME)
    sent = {"orderId": "o1", "cart_id": "k1", "total": "n/a", "products": [{"sku": "secret"}]}
    known = PROJECT.events
    at = NOON + HOUR
    envelope = {"message_id": f"{ada}-o1", "customer_id": ada, "occurred_at": at}
    understood = known.understand("Order Completed", sent, envelope)
    async with offline.store.transaction() as session:
        session.add(
            EventRow(
                message_id=f"{ada}-o1",
                customer_id=ada,
                name="Order Completed",
                occurred_at=at,
                received_at=at,
                routed_at=at,
                properties=understood.properties,
                as_sent={"event": "completed order", "properties": sent},
            )
        )
    await event(offline, ada, "Order Completed", at + HOUR, order_id="o2")
    answer = await offline("explain", ada)
    assert 'the sender calls it "completed order"' in answer.out
    assert told(answer, "properties.total").strip().startswith("properties.total: left out: ")
    assert answer.out.count("left out") == len(understood.notes)
    for value in ("n/a", "secret"):
        assert value not in answer.out
    story = (await offline("explain", ada, "--json")).json
    first, second = [entry for entry in story["timeline"] if entry["kind"] == "event"]
    assert len(first["notes"]) == len(understood.notes) + 1
    assert second["notes"] == []


async def test_a_yes_that_has_ended_is_told_as_expired(offline: Cli) -> None:
    ada = await offline.identify()
    end = NOON + timedelta(hours=1)
    async with offline.store.transaction() as session:
        person = await people.lock(session, ada)
        for topic in ("", "newsletter"):
            await consents.record(
                session, person, Channel.EMAIL, granted=True, at=NOON, source="form", topic=topic,
                evidence=Evidence(expires_at=end),
            )  # fmt: skip
    told = (await offline("explain", ada, "--json")).json
    (email,) = [one for one in told["customer"]["channels"] if one["channel"] == "email"]
    assert (email["consent"], email["expired"]) == (False, f"{end:%Y-%m-%dT%H:%M:%SZ}")
    assert told["customer"]["ran_out"] == ["newsletter by email"]
    shown = (await offline("explain", ada)).out
    assert f"agreed until {end:%Y-%m-%d %H:%M} UTC: expired" in shown
    assert f"agreed to messages on newsletter by email, until {end:%Y-%m-%d %H:%M} UTC" in shown


async def test_explain_shows_what_the_customer_chose_beside_consent(offline: Cli) -> None:
    ada = await offline.identify(**ROME)
    async with offline.store.transaction() as session:
        person = await people.lock(session, ada)
        choices.snooze(person, NOON)
        choices.keep_apart(person, "cart", 7)
        session.add(person)
    answer = await offline("explain", ada)
    assert "until" in told(answer, "break ")
    assert "cart: at most one message in 7 days" in told(answer, "less ")
    assert (await offline("explain", ada, "--json")).json["customer"]["least_days"] == {"cart": 7}


async def test_explain_shows_a_second_number_and_which_one_a_message_went_to(offline: Cli) -> None:
    ada = await offline.identify(**ROME, phone2="+39 320 7654321")
    numbers = [
        await offline.decided(ada, at=NOON, step=step, channel="sms", state=MessageState.SENT)
        for step in ("one", "two")
    ]
    async with offline.store.transaction() as session:
        for number, address in zip(numbers, ("+393201234567", "+393207654321"), strict=True):
            await session.merge(ContentRow(ledger_id=number, address=address, content={}))
    answer = await offline("explain", ada)
    assert answer.out.count("the second number, where the first takes nothing") == 2
    assert "second number" not in told(answer, "k1 one")
    assert "it went to the second number, +39***21" in answer.out
    assert "+393207654321" not in answer.out
    (sms,) = [
        one
        for one in (await offline("explain", ada, "--json")).json["customer"]["channels"]
        if one["channel"] == "sms"
    ]
    assert (sms["address"], sms["second"]) == ("+39***67", "+39***21")


async def test_explain_lists_devices_and_what_became_of_a_message_on_each(offline: Cli) -> None:
    ada = await offline.identify(**ROME, marketingConsent={"push": True})
    async with offline.store.transaction() as session:
        person = await people.lock(session, ada)
        for name, platform in (("phone-0123456789", "ios"), ("tablet-0123456789", "")):
            device = Device(f"{name}-{ada}", platform)
            await devices.hear(session, person, device, at=NOON, source="call")
        await devices.gone(session, f"tablet-0123456789-{ada}", NOON)
    number = await offline.decided(ada, at=NOON, channel="push", state=MessageState.SENT)
    async with offline.store.transaction() as session:
        for address, end, detail in (
            (f"phone-0123456789-{ada}", AttemptState.ACCEPTED, None),
            (f"tablet-0123456789-{ada}", AttemptState.REFUSED, f"no tablet-0123456789-{ada}"),
        ):
            handovers.begin(session, number, 1, address=address, platform="ios", reference=address)
            await session.flush()
            error = "EndpointGone" if detail else None
            await handovers.end(session, number, 1, address, end, error=error, detail=detail)
    answer = await offline("explain", ada)
    assert "ios, last used 2024-03-05" in told(answer, "device   pho***")
    assert "platform not told, last used 2024-03-05; gone since 2024-03-05" in answer.out
    assert "the provider took it" in told(answer, "ios pho***")
    assert "said that the device is gone" in told(answer, "ios tab***")
    assert "0123456789" not in answer.out
    shown = await offline("ledger", "show", str(number), "--json")
    assert [one["state"] for one in shown.json["devices"]] == ["accepted", "refused"]


async def test_a_row_of_a_campaign_names_the_campaign(offline: Cli) -> None:
    ada = await offline.identify()
    await offline.decided(
        ada, workflow_id="campaign:news@w1", step="message", state="skipped",
        reason="run_stopped", at=datetime(2026, 3, 2, 12, tzinfo=UTC),
    )  # fmt: skip
    told = (await offline("explain", ada)).out
    assert "→ campaign news@w1: skipped" in told
    assert "`sojourn campaign show news@w1`" in told
