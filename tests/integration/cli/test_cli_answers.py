"""`sojourn answers`: who wrote STOP, START or HELP, and whether we answered."""

from datetime import UTC, datetime, timedelta

from sojourn.domain.states import AnswerState
from sojourn.store import answers
from sojourn.store.tables import AnswerRow
from tests.support.cli_stack import Cli

NOW = datetime.now(UTC)


async def noted(cli: Cli, ada: str, meaning: str, state: AnswerState, minutes: int) -> None:
    async with cli.store.transaction() as session:
        session.add(
            AnswerRow(
                provider="twilio",
                event_id=f"{ada} {meaning} {minutes}",
                channel="sms",
                address="+393331234567",
                customer_id=ada,
                meaning=meaning,
                language="it",
                at=NOW - timedelta(minutes=minutes),
                state=state,
                reason="too_late" if state is AnswerState.DROPPED else None,
                carrier="twilio" if state is AnswerState.SENT else None,
            )
        )


async def test_answers_are_listed_for_a_customer_as_long_as_it_is_known_whose_they_are(
    offline: Cli,
) -> None:
    ada, bob = await offline.identify(), await offline.identify()
    assert (await offline("answers", ada)).out == f"no answers to {ada} in the last hour\n"
    await noted(offline, ada, "help", AnswerState.DROPPED, 90)
    await noted(offline, ada, "stop", AnswerState.SENT, 5)
    await noted(offline, bob, "start", AnswerState.WAITING, 1)
    told = (await offline("answers", ada, "--json")).json
    assert [(row["meaning"], row["state"], row["reason"], row["carrier"]) for row in told] == [
        ("stop", "sent", None, "twilio"),
        ("help", "dropped", "too_late", None),
    ]
    assert all(row["customer_id"] == ada for row in told)
    assert "+39333" not in str(told), "nobody needs the number to see what became of it"
    answer = await offline("answers")
    assert answer.code == 0
    assert [word in answer.out for word in ("STOP", "START", "HELP", "too late")] == [True] * 4
    async with offline.store.transaction() as session:
        await answers.forget(session, NOW)
    assert [row["meaning"] for row in (await offline("answers", ada, "--json")).json] == ["stop"]
    unknown = [row["customer_id"] for row in (await offline("answers", "--json")).json]
    assert unknown == [bob, ada, None]
    assert len((await offline("answers", "--limit", "1", "--json")).json) == 1
    assert (await offline("answers", "nobody")).code == 2
