"""`sojourn tasks`: a person answers what a journey asks."""

from datetime import UTC, datetime, timedelta

from sojourn.domain.customer import read_identity
from sojourn.domain.tasks import Opening
from sojourn.store import Store, tasks
from tests.support.cli_stack import Cli

NOW = datetime.now(UTC)


async def opened(store: Store, question: str, *, until: timedelta, to_tell: bool = False) -> None:
    said = Opening(
        run="what-now:ada:o1", customer_id="ada", enrolment="e", cause="e", now=NOW,
        journey="what-now", question=question, text=f"{question.title()} the order?",
        answers={"yes": "Do it", "no": "Leave it"}, until=NOW + until,
    )  # fmt: skip
    async with store.transaction() as session:
        await tasks.open_one(session, said, to_tell=to_tell)


async def test_tasks_are_listed_shown_and_answered_once(offline: Cli) -> None:
    await opened(offline.store, "refund", until=timedelta(hours=4))
    await opened(offline.store, "cancel", until=timedelta(hours=1))
    head, first, second = (await offline("tasks")).out.splitlines()
    assert head.split() == [
        "ID", "UNTIL", "CUSTOMER", "JOURNEY", "QUESTION", "ANSWERS", "OR", "END",
    ]  # fmt: skip
    assert "Cancel the order?" in first
    assert "yes, no" in second
    (urgent, _) = (await offline("tasks", "--json")).json
    number = str(urgent["id"])
    shown = (await offline("tasks", "show", number)).out
    assert f"sojourn tasks answer {number} yes --by YOU    Do it" in shown

    answer = await offline("tasks", "answer", number, "yes", "--by", "Ann")
    assert answer.code == 0
    assert f"task {number} is answered" in answer.out
    again = await offline("tasks", "answer", number, "no", "--by", "Bob")
    assert again.code == 1
    assert again.err.strip().endswith(f"task {number} is over: answered by Ann: Do it")
    assert [one["question"] for one in (await offline("tasks", "list", "--json")).json] == [
        "refund"
    ]
    kept = (await offline("tasks", "--all", "--customer", "ada", "--json")).json
    assert [(one["question"], one["state"]) for one in kept] == [
        ("cancel", "answered"),
        ("refund", "open"),
    ]


async def test_a_task_that_the_helpdesk_was_not_told_of_is_said_and_can_be_told_again(
    offline: Cli,
) -> None:
    await opened(offline.store, "refund", until=timedelta(hours=4), to_tell=True)
    (task,) = (await offline("tasks", "--json")).json
    assert (task["helpdesk"], task["tries"]) == ("waits", 0)
    number = str(task["id"])
    async with offline.store.transaction() as session:
        row = await tasks.required(session, task["id"])
        row.tell_at, row.tries = None, 20
        session.add(row)
    said = (await offline("tasks")).out.splitlines()[-1]
    assert said == (
        f"the helpdesk was not told of task {number} in 20 tries: "
        f"`sojourn tasks tell {number}` tries again"
    )
    assert (
        "helpdesk not told: given up after 20 tries" in (await offline("tasks", "show", number)).out
    )
    assert (await offline("tasks", "tell", number)).code == 0
    assert (await offline("tasks", "--json")).json == [task]
    assert (await offline("tasks", "tell", "77")).code == 2


async def test_what_cannot_be_answered_is_one_clear_line(offline: Cli) -> None:
    await opened(offline.store, "refund", until=timedelta(hours=4))
    unknown = await offline("tasks", "answer", "77", "yes", "--by", "Ann")
    assert unknown.code == 2
    assert "`sojourn tasks --all` lists them" in unknown.err
    (one,) = (await offline("tasks", "--json")).json
    wrong = await offline("tasks", "answer", str(one["id"]), "maybe", "--by", "Ann")
    assert wrong.code == 2
    assert '"maybe" is not an answer to refund. Choose one of: yes, no' in wrong.err
    nobody = await offline("tasks", "answer", str(one["id"]), "yes", "--by", " ")
    assert nobody.code == 2
    assert (await offline("tasks", "--json")).json == [one]


async def test_explain_tells_of_a_question_and_of_its_answer(offline: Cli) -> None:
    offline_id = {"email": "ada@shop.example"}
    identity = read_identity(offline_id, customer_id="ada", message_id="i", at=NOW)
    await offline.sojourn.identify(identity)
    await opened(offline.store, "refund", until=timedelta(hours=4))
    (task,) = (await offline("tasks", "--json")).json
    told = (await offline("explain", "ada")).out
    assert f"what-now:ada:o1: asked a person (task {task['id']}), waits until" in told
    await offline("tasks", "answer", task["id"], "yes", "--by", "Ann")
    told = (await offline("explain", "ada")).out
    assert f"task {task['id']}: answered by Ann: Do it" in told
    kinds = [line["kind"] for line in (await offline("explain", "ada", "--json")).json["timeline"]]
    assert kinds.count("task") == 2
