"""`sojourn channels` shows, pauses, resumes and limits channels, and lifts suppressions."""

import json
import os
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sojourn.cli.local.stack import Server
from sojourn.dispatch.connection import LOCAL_STACK
from sojourn.domain.messages import Channel
from sojourn.store import pauses
from sojourn.store.suppressions import suppressed
from sojourn.store.tables import SuppressionRow
from tests.support.cli_stack import Answer, Cli

NOW = datetime.now(UTC)
HOUR = timedelta(hours=1)


def of(answer: Answer, channel: str) -> dict[str, Any]:
    """Return one channel of the JSON."""
    (state,) = [state for state in answer.json if state["channel"] == channel]
    return dict(state)


async def limits(cli: Cli) -> dict[str, float | None]:
    return {
        state["channel"]: state["queue"]["limit"]
        for state in (await cli("channels", "--json")).json
    }


async def test_each_channel_shows_waiting_and_sent_messages(offline: Cli) -> None:
    ada = await offline.identify()
    rows: list[dict[str, Any]] = [
        {"state": "deferred"},
        {"state": "claimed"},
        {"state": "submitting"},
        {"state": "unknown", "settled_at": NOW},
        {"state": "sent", "settled_at": NOW},
        {"state": "sent", "settled_at": NOW - 2 * HOUR},
        {"state": "skipped", "settled_at": NOW},
        {"state": "sent", "settled_at": NOW, "channel": "sms"},
    ]
    for n, row in enumerate(rows):
        number = await offline.decided(ada, at=NOW, n=n, **row)
        if row["state"] == "sent":
            await offline.attempted(number, at=row["settled_at"])
    answer = await offline("channels", "--json")
    assert [state["channel"] for state in answer.json] == [channel.value for channel in Channel]
    assert of(answer, "email") == {
        "channel": "email",
        "provider": "outbox",
        "paused": None,
        "waiting": 3,
        "unknown": 1,
        "sent": 1,
        "queue": None,
    }
    assert of(answer, "sms")["sent"] == 1
    assert of(answer, "push")["waiting"] == 0


async def test_without_temporal_channels_are_shown_from_the_store_and_the_command_fails(
    offline: Cli,
) -> None:
    for arguments in (("channels",), ("channels", "--json")):
        answer = await offline(*arguments)
        assert answer.code == 1
        assert "no Temporal server answers" in answer.fault
        assert "whatsapp" in answer.out


async def test_the_fakes_of_a_running_dev_are_shown_as_providers(offline: Cli) -> None:
    noted = {"pid": os.getpid(), "providers": {"email": "postmark"}}
    (offline.home / LOCAL_STACK).write_text(json.dumps(noted))
    answer = await offline("channels", "--json")
    assert [state["provider"] for state in answer.json] == [
        "postmark",
        "outbox",
        "outbox",
        "outbox",
    ]


async def test_queues_show_their_workers_backlog_and_limit(cli: Cli) -> None:
    answer = await cli.until(
        "channels", "--json", holds=lambda a: all(s["queue"]["workers"] for s in a.json)
    )
    assert answer.code == 0
    assert of(answer, "push")["queue"] == {"limit": None, "backlog": 0, "workers": 1}


async def test_a_limit_holds_until_it_is_taken_away(cli: Cli) -> None:
    answer = await cli("channels", "limit", "sms", "20")
    assert (answer.code, answer.out) == (0, "sms sends 20 messages a second at most\n")
    assert await limits(cli) == {"email": None, "sms": 20.0, "push": None, "whatsapp": None}
    shown = (await cli("channels")).out.splitlines()
    assert "20/s" in next(line for line in shown if line.startswith("sms"))
    await cli("channels", "limit", "sms", "0.5")
    assert (await limits(cli))["sms"] == 0.5
    assert (await cli("channels", "limit", "sms", "off")).out == "sms has no limit\n"
    assert (await limits(cli))["sms"] is None


@pytest.mark.parametrize("rate", ["0", "0.09", "10001", "nan", "inf", "fast", "", "20/s"])
async def test_a_malformed_limit_changes_nothing(cli: Cli, rate: str) -> None:
    answer = await cli("channels", "limit", "sms", rate)
    assert answer.code == 2
    assert answer.fault == (
        f'"{rate}" is not a limit: write messages a second, from 0.1 to 10000, or off'
    )
    assert (await limits(cli))["sms"] is None


async def test_a_limit_cannot_be_set_without_temporal(offline: Cli) -> None:
    answer = await offline("channels", "limit", "sms", "20")
    assert (answer.code, answer.out) == (1, "")
    assert "no Temporal server answers" in answer.fault


async def test_an_operator_pauses_and_resumes_a_channel(offline: Cli) -> None:
    answer = await offline("channels", "pause", "sms", "--why", "wrong price", "--by", "anna")
    assert (answer.code, answer.err) == (0, "")
    state = of(await offline("channels", "--json"), "sms")["paused"]
    assert datetime.fromisoformat(state.pop("since")) >= NOW
    assert state == {"because": "wrong price", "by": "anna", "probe_at": None}
    shown = (await offline("channels")).out
    assert "by anna; `sojourn channels resume sms` opens it again\n  wrong price\n" in shown
    async with offline.store.reading() as session:
        assert list(await pauses.current(session)) == [Channel.SMS]

    assert (await offline("channels", "resume", "sms")).out == "sms is open\n"
    assert of(await offline("channels", "--json"), "sms")["paused"] is None
    again = await offline("channels", "resume", "sms")
    assert (again.code, again.out) == (0, "sms is open; it was not paused\n")


async def test_an_operators_pause_over_a_providers_says_who_ends_it(offline: Cli) -> None:
    async with offline.store.transaction() as session:
        await pauses.begin(
            session, Channel.EMAIL, because="401 no", by="postmark", probe_at=NOW + HOUR / 60
        )
    assert "by postmark; postmark is asked again at" in (await offline("channels")).out
    answer = await offline("channels", "pause", "email", "--why", "I am looking at it")
    assert answer.out.endswith(": 401 no; only an operator resumes it now\n")
    state = of(await offline("channels", "--json"), "email")["paused"]
    assert (state["by"], state["because"], state["probe_at"]) == ("operator", "401 no", None)


async def test_unknown_messages_are_pointed_out(offline: Cli) -> None:
    ada = await offline.identify()
    await offline.decided(ada, at=NOW, state="unknown")
    shown = (await offline("channels")).out
    assert "email: 1 perhaps sent: `sojourn ledger --state unknown` shows which" in shown


async def test_a_channel_that_nobody_serves_is_pointed_out(
    offline: Cli, own_temporal: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEMPORAL_ADDRESS", own_temporal.address)
    answer = await offline("channels")
    assert (answer.code, answer.err) == (0, "")
    assert "push: no worker serves its queue" in answer.out


async def test_a_suppressed_address_is_sent_to_again_once_it_is_lifted(offline: Cli) -> None:
    mail, text = (Channel.EMAIL, "Anna@Shop.example"), (Channel.SMS, "+393201234567")
    async with offline.store.transaction() as session:
        for channel, address in (("email", "anna@shop.example"), ("sms", "+393201234567")):
            session.add(
                SuppressionRow(
                    channel=channel, address=address, because="bounced", at=NOW, source="r1"
                )
            )
    async with offline.store.reading() as session:
        assert await suppressed(session, {mail, text}) == {mail, text}
    answer = await offline("channels", "lift", "email", "ANNA@shop.example")
    assert answer.code == 0
    async with offline.store.reading() as session:
        assert await suppressed(session, {mail, text}) == {text}
    again = await offline("channels", "lift", "email", "anna@shop.example")
    assert again.code == 2
    assert again.fault == (
        'no suppressed address "anna@shop.example": nothing keeps email from going there'
    )


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("pause", "fax", "--why", "x"), 'no channel "fax"'),
        (("resume", "emial"), 'did you mean "email"?'),
        (("limit", "fax", "20"), 'no channel "fax"'),
        (("lift", "fax", "a@b.example"), 'no channel "fax"'),
        (("pause", "sms"), "--why"),
        (("pause", "sms", "--why", " "), "--why is empty"),
        (("pause", "sms", "--why", "x", "--by", "postmark"), "Sojourn itself acts by that name"),
        (("pause", "sms", "--why", "x", "--by", "gate"), "Sojourn itself acts by that name"),
        (("pause", "sms", "--why", "x", "--by", ""), "--by takes a name"),
        (("--json", "resume", "sms"), "--json is for the list alone"),
        (("limit", "sms"), "RATE"),
    ],
)
async def test_wrong_usage_of_channels_is_one_line(
    offline: Cli, arguments: tuple[str, ...], says: str
) -> None:
    answer = await offline("channels", *arguments)
    assert (answer.code, answer.out) == (2, "")
    assert says in answer.fault
    async with offline.store.reading() as session:
        assert await pauses.current(session) == {}
