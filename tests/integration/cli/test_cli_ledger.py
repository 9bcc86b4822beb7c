"""`sojourn ledger` shows messages, and settles those whose outcome is unknown."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sojourn.domain.messages import Reason
from sojourn.store import settling
from sojourn.store.tables import LedgerRow
from tests.support.cli_stack import Cli

NOON = datetime(2024, 3, 5, 12, tzinfo=UTC)
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
MAIL = {"channel": "email", "subject": "Your cart waits", "text": "hello"}


async def unknown(cli: Cli, **row: Any) -> int:
    """Store a message whose answer was lost; return its number."""
    ada = await cli.identify("c42")
    values = {"state": "unknown", "provider": "postmark", "attempt": 1, "detail": "no answer"}
    number = await cli.decided(ada, MAIL, at=NOON, **{**values, **row})
    await cli.attempted(
        number, at=NOON, state="ambiguous", settled_by="gate", error="AmbiguousSend",
        detail="no answer",
    )  # fmt: skip
    return number


async def kept(cli: Cli, number: int) -> LedgerRow:
    async with cli.store.reading() as session:
        row = await session.get(LedgerRow, number)
    assert row is not None
    return row


async def test_rows_of_the_ledger_show_every_known_fact(offline: Cli) -> None:
    number = await unknown(offline, possible_duplicate=True, attempt=2)
    (row,) = (await offline("ledger", "--json")).json
    reference = row.pop("reference")
    assert len(reference) == 32
    assert row == {
        "number": number,
        "at": "2024-03-05T12:00:00Z",
        "customer_id": "c42",
        "journey": "abandoned-cart",
        "workflow_id": "abandoned-cart:c42:k1",
        "step": "reminder",
        "channel": "email",
        "provider": "postmark",
        "state": "unknown",
        "would": None,
        "reason": None,
        "progress": None,
        "attempt": 2,
        "possible_duplicate": True,
        "twice_at": None,
        "settled_at": None,
    }
    heading, line = (await offline("ledger")).out.splitlines()
    assert heading.split()[:2] == ["ID", "WHEN"]
    assert line.split() == [
        str(number), "2024-03-05", "12:00", "c42", "abandoned-cart/reminder", "email", "postmark",
        "unknown", "2", "perhaps",
    ]  # fmt: skip


async def test_rows_are_filtered_by_state_customer_and_number(offline: Cli) -> None:
    ada, bob = await offline.identify(), await offline.identify()
    mine = [await offline.decided(ada, at=NOON, n=n) for n in range(3)]
    lost = await offline.decided(bob, at=NOON, state="unknown")

    async def numbers(*arguments: object) -> list[int]:
        return [row["number"] for row in (await offline("ledger", *arguments, "--json")).json]

    assert await numbers() == [lost, *reversed(mine)]
    assert await numbers("--customer", ada) == list(reversed(mine))
    assert await numbers("--state", "unknown") == [lost]
    assert await numbers("--state", "unknown", "--customer", ada) == []
    assert await numbers("--limit", 2) == [lost, mine[-1]]
    assert "the newest 2; --limit lists more" in (await offline("ledger", "--limit", 2)).out
    assert (await offline("ledger", "--state", "expired")).out == (
        "no such message in the ledger\n"
    )


async def test_one_message_is_shown_whole(offline: Cli) -> None:
    ada = await offline.identify("c42")
    number = await offline.decided(
        ada, MAIL, at=NOON, provider="postmark", provider_id="pm-1", progress="bounced", attempt=2
    )
    await offline.attempted(
        number, at=NOON, state="released", error="RateLimited", detail="429 wait 30 s"
    )
    await offline.attempted(number, at=NOON + 30 * SECOND, attempt=2)
    await offline.reported(number, "bounced", at=NOON + MINUTE, detail="550 no such user")
    reference = (await kept(offline, number)).reference
    by_number = await offline("ledger", "show", number, "--json")
    assert (await offline("ledger", "show", reference, "--json")).json == by_number.json
    told = by_number.json
    assert (told["number"], told["reference"]) == (number, reference)
    assert (told["address"], told["subject"]) == ("ada@example.com", "Your cart waits")
    assert [(a["state"], a["error"], a["detail"]) for a in told["attempts"]] == [
        ("released", "RateLimited", "429 wait 30 s"),
        ("accepted", None, None),
    ]
    assert [(r["kind"], r["detail"]) for r in told["reports"]] == [("bounced", "550 no such user")]
    shown = (await offline("ledger", "show", number)).out
    assert "to          ada@example.com (email), customer c42" in shown
    assert "state       sent, bounced" in shown
    assert shown.splitlines()[-3:] == [
        "  12:00:00  postmark asked us to slow down (429 wait 30 s); certainly not sent",
        "  12:00:30  postmark took it",
        "  12:01:00  bounced: 550 no such user",
    ]


async def test_a_message_from_before_attempts_were_kept_is_shown(offline: Cli) -> None:
    number = await offline.decided(await offline.identify(), at=NOON, state="skipped")
    answer = await offline("ledger", "show", number)
    assert answer.code == 0
    assert "Attempts" not in answer.out
    told = (await offline("ledger", "show", number, "--json")).json
    assert (told["attempts"], told["reports"], told["address"]) == ([], [], None)


async def test_an_operator_settles_an_unknown_message_as_sent(offline: Cli) -> None:
    number = await unknown(offline)
    assert f"sojourn ledger settle {number} sent" in (await offline("ledger", "show", number)).out
    answer = await offline(
        "ledger", "settle", number, "sent", "--why", "it is in their log", "--by", "anna"
    )
    assert (answer.code, answer.out) == (0, f"message {number} is sent\n")
    told = (await offline("ledger", "show", number, "--json")).json
    assert (told["state"], told["reason"]) == ("sent", None)
    assert told["detail"] == "settled by anna: it is in their log"
    (attempt,) = told["attempts"]
    assert (attempt["state"], attempt["settled_by"]) == ("accepted", "anna")
    assert attempt["detail"] == "no answer"
    assert told["settled_at"] == attempt["settled_at"]
    shown = (await offline("ledger", "show", number)).out
    assert shown.splitlines()[-2].endswith("no clear answer came (no answer)")
    assert shown.splitlines()[-1].endswith("settled by anna: it was sent")


async def test_an_operator_settles_an_unknown_message_as_not_sent(offline: Cli) -> None:
    number = await unknown(offline)
    reference = (await kept(offline, number)).reference
    await offline("ledger", "settle", reference.upper(), "not-sent", "--why", "not in their log")
    row = await kept(offline, number)
    assert (row.state, row.reason) == ("rejected", Reason.REFUSED)
    assert row.detail == "settled by operator: not in their log"
    assert (
        "state       rejected, as an operator found"
        in (await offline("ledger", "show", number)).out
    )


async def test_a_message_without_attempts_is_settled_too(offline: Cli) -> None:
    number = await offline.decided(await offline.identify(), at=NOON, state="unknown")
    await offline("ledger", "settle", number, "sent", "--why", "I saw it")
    row = await kept(offline, number)
    assert (row.state, row.detail) == ("sent", "settled by operator: I saw it")


@pytest.mark.parametrize("state", ["deferred", "claimed", "sent", "skipped", "rejected", "expired"])
async def test_an_operator_cannot_change_a_known_outcome(offline: Cli, state: str) -> None:
    number = await offline.decided(await offline.identify(), at=NOON, state=state)
    answer = await offline("ledger", "settle", number, "not-sent", "--why", "x")
    assert answer.code == 2
    assert answer.fault == (
        f"message {number} is {state}: an operator settles only what is unknown"
    )
    assert (await kept(offline, number)).state == state


async def test_an_operator_settles_an_abandoned_message_and_none_under_way(offline: Cli) -> None:
    ada, now = await offline.identify(), datetime.now(UTC)
    fresh, left = [
        await offline.decided(ada, at=now, n=n, state="submitting", provider="postmark")
        for n in range(2)
    ]
    for number, began in ((fresh, now), (left, now - settling.ABANDONED_AFTER)):
        await offline.attempted(
            number, at=began, state="submitting", settled_at=None, settled_by=None
        )
    answer = await offline("ledger", "settle", fresh, "sent", "--why", "x")
    assert answer.code == 2
    assert "is being handed to postmark" in answer.fault
    assert "10 minutes" in answer.fault
    assert (await kept(offline, fresh)).state == "submitting"
    assert (await offline("ledger", "settle", left, "sent", "--why", "x")).code == 0
    assert (await kept(offline, left)).state == "sent"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--state", "lost"), 'no state "lost"'),
        (("--customer", "nobody"), 'no customer "nobody"'),
        (("--limit", "0"), "--limit"),
        (("--limit", "9" * 20), "--limit"),
        (("--json", "show", "1"), "write options after show"),
        (("show", "7"), 'no message "7": `sojourn ledger` lists their numbers'),
        (("show", "f" * 32), "no message"),
        (("show", "abandoned-cart:c42:k1"), "no message"),
        (("show", "9" * 31), "no message"),
        (("settle", "7", "sent", "--why", "x"), 'no message "7"'),
        (("settle", "7", "perhaps", "--why", "x"), "not-sent"),
        (("settle", "7", "sent"), "--why"),
        (("settle", "7", "sent", "--why", ""), "--why is empty"),
        (("settle", "7", "sent", "--why", "x", "--by", "look-up"), "acts by that name"),
    ],
)
async def test_wrong_usage_of_ledger_is_one_line(
    offline: Cli, arguments: tuple[str, ...], says: str
) -> None:
    answer = await offline("ledger", *arguments)
    assert (answer.code, answer.out) == (2, "")
    assert says in answer.fault
