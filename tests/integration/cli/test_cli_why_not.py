"""`sojourn why-not` and `sojourn explain`: questions of an operator, one a cause."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from sojourn import EMAIL, ONCE, Journey, Message, days, field, hours, trait
from sojourn.domain.messages import Channel, Reason
from sojourn.domain.only_to import read_only_to
from sojourn.domain.rules_file import read_rules
from sojourn.domain.states import AnswerState
from sojourn.domain.switches import Part, Scope
from sojourn.events import OrderCompleted, ProductAdded
from sojourn.insight.why_not import Cause
from sojourn.journeys.registry import Journeys
from sojourn.project import Project
from sojourn.store import consents, entries, pauses, people, restrictions
from sojourn.store.tables import AnswerRow, EntryRow, QuarantineRow, SuppressionRow, SwitchRow
from tests.support.cli_stack import Cli
from tests.support.happened import happened
from tests.support.lived import Life
from tests.support.project import PROJECT

NOW = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
MONDAY_EVENING = datetime(2024, 3, 4, 20, tzinfo=UTC)
ROME: dict[str, Any] = {"email": "ada@example.com", "timezone": "Europe/Rome"}
CART: dict[str, Any] = {
    "name": "abandoned-cart",
    "topic": "cart",
    "starts_on": ProductAdded,
    "key": "cart_id",
    "goal": OrderCompleted,
    "restarts_on": ProductAdded,
}


class _Ladder(Journey):
    reminder = Message(EMAIL, useful_for=hours(24))
    nudge = Message(EMAIL, useful_for=hours(24))

    async def steps(self) -> None:
        """Remind a day later, and once more."""
        await self.sleep(days(1))
        await self.send(self.reminder)
        await self.sleep(days(2))
        await self.send(self.nudge)


class Plain(_Ladder, **CART):
    """For everybody."""


class Picky(_Ladder, enters_if=field("price") >= 20, **CART):
    """For large carts."""


class Staying(_Ladder, stays_if=trait("plan") == "pro", **CART):
    """For those who stay."""


class OnceOnly(_Ladder, again=ONCE, **CART):
    """Once."""


class Question:
    """One question: what happened before it, and the answer to it."""

    def __init__(self, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
        self.cli = cli
        self.journey: type[Journey] = Plain
        self._monkeypatch = monkeypatch
        self.of(Plain)

    def of(self, journey: type[Journey], *, off: tuple[str, ...] = ()) -> Life:
        """Let the project have this journey."""
        project: Project = replace(PROJECT, journeys=Journeys([journey], off=off), policy=None)
        self._monkeypatch.setattr("sojourn.cli.here.load_project", lambda: project)
        self.journey, self.life = journey, Life(self.cli, project)
        return self.life

    async def ran(self, ada: str, start: datetime, lasts: timedelta, **properties: Any) -> None:
        """Let a run start, and live for so long."""
        run = await self.life.enters(self.journey, ada, start, **properties)
        assert run is not None
        await self.life.lives(self.journey, run, start + lasts)

    async def withdraw(self, ada: str, topic: str = "") -> None:
        channel = None if topic else Channel.EMAIL
        async with self.cli.store.transaction() as session:
            person = await people.lock(session, ada)
            await consents.record(
                session, person, channel, granted=False, source="form", topic=topic
            )

    async def put(self, *rows: Any) -> None:
        async with self.cli.store.transaction() as session:
            session.add_all(rows)


Setting = Callable[[Question, str], Awaitable[None]]


async def nothing(q: Question, ada: str) -> None:
    """Nothing happened."""


async def too_small(q: Question, ada: str) -> None:
    q.of(Picky)
    assert await q.life.enters(Picky, ada, NOW - DAY, price="12") is None


async def once_more(q: Question, ada: str) -> None:
    q.of(OnceOnly)
    run = await q.life.enters(OnceOnly, ada, NOW - 20 * DAY)
    assert run is not None
    await happened(q.cli, ada, "Order Completed", NOW - 19 * DAY, cart_id="k", order_id="o")
    assert await q.life.enters(OnceOnly, ada, NOW - DAY, cart_id="k2") is None


def _refused(ada: str, reason: Reason, because: str) -> EntryRow:
    return EntryRow(
        message_id="e1",
        journey="abandoned-cart",
        customer_id=ada,
        workflow_id=f"abandoned-cart:{ada}:k",
        taken=False,
        reason=reason.value,
        because=because,
        at=NOW - DAY,
        judged_at=NOW - DAY,
    )


async def enough(q: Question, ada: str) -> None:
    async with q.cli.store.transaction() as session:
        await entries.put(session, [_refused(ada, Reason.ENOUGH_RUNS, "1 open, of 1 at most: x")])


def _switch(part: Part) -> SwitchRow:
    return SwitchRow(
        scope=Scope.JOURNEY.value,
        name="abandoned-cart",
        part=part.value,
        since=NOW - 2 * DAY,
        by="ann",
        because="wrong prices",
    )


async def closed(q: Question, ada: str) -> None:
    await q.put(_switch(Part.ENTRIES))
    because = "ann held entries back: wrong prices"
    async with q.cli.store.transaction() as session:
        await entries.put(session, [_refused(ada, Reason.HELD_BACK, because)])


async def switched_off(q: Question, ada: str) -> None:
    q.of(Plain, off=("abandoned-cart",))
    await happened(q.cli, ada, "Product Added", NOW - DAY, cart_id="k", product_id="p")


async def no_key(q: Question, ada: str) -> None:
    await happened(q.cli, ada, "Product Added", NOW - DAY, product_id="p")


async def invalid(q: Question, ada: str) -> None:
    call = {"type": "track", "event": "Product Added", "userId": ada}
    await q.put(
        QuarantineRow(
            digest="d",
            call=call,
            name="Product Added",
            path="properties.product_id",
            reason="Field required",
            source="key",
            received_at=NOW - DAY,
        )
    )


async def not_told(q: Question, ada: str) -> None:
    await happened(
        q.cli, ada, "Product Added", NOW - DAY, routed=False, cart_id="k", product_id="p"
    )


async def waits(q: Question, ada: str) -> None:
    await q.ran(ada, NOW - HOUR, HOUR)


async def waits_in_vain(q: Question, ada: str) -> None:
    await q.withdraw(ada)
    await q.ran(ada, NOW - HOUR, HOUR)


async def bought_at_once(q: Question, ada: str) -> None:
    await q.ran(ada, NOW - 2 * DAY, HOUR)
    await happened(q.cli, ada, "Order Completed", NOW - 2 * DAY + HOUR, cart_id="k", order_id="o")


async def bought_in_time(q: Question, ada: str) -> None:
    """The gate learns of the purchase before the run does."""
    run = await q.life.enters(Plain, ada, NOW - 2 * DAY)
    assert run is not None
    await happened(q.cli, ada, "Order Completed", NOW - 2 * DAY + HOUR, cart_id="k", order_id="o")
    await q.life.lives(Plain, run, NOW)


async def stopped(q: Question, ada: str) -> None:
    run = await q.life.enters(Plain, ada, NOW - 2 * DAY)
    assert run is not None
    await q.life.stopped(run, NOW - 2 * DAY + HOUR)
    await q.life.lives(Plain, run, NOW)


async def left_the_plan(q: Question, ada: str) -> None:
    q.of(Staying)
    await q.ran(ada, NOW - 2 * DAY, 2 * DAY)


async def withdrew(q: Question, ada: str) -> None:
    await q.withdraw(ada)
    await q.ran(ada, NOW - 2 * DAY, 2 * DAY)


async def opted_out(q: Question, ada: str) -> None:
    await q.withdraw(ada, "cart")
    await q.ran(ada, NOW - 2 * DAY, 2 * DAY)


async def bounced(q: Question, ada: str) -> None:
    await q.put(
        SuppressionRow(
            channel="email",
            address="ada@example.com",
            because="bounced",
            at=NOW - 9 * DAY,
            source="postmark",
        )
    )
    await q.ran(ada, NOW - 2 * DAY, 2 * DAY)


async def no_address(q: Question, ada: str) -> None:
    async with q.cli.store.transaction() as session:
        await session.exec(text("UPDATE customers SET email = ''"))  # type: ignore[call-overload]
    await q.ran(ada, NOW - 2 * DAY, 2 * DAY)


async def at_night(q: Question, ada: str) -> None:
    q.life.rules = read_rules('quiet_hours = "20:00-10:00"\nspread = "off"\n', None)
    await q.ran(ada, MONDAY_EVENING, DAY)


async def capped(q: Question, ada: str) -> None:
    q.life.rules = read_rules(
        'quiet_hours = "20:00-10:00"\nspread = "off"\n[caps]\nper_week = 1\n', None
    )
    await q.ran(ada, MONDAY_EVENING, 3 * DAY)


async def gave_way(q: Question, ada: str) -> None:
    q.life.rules = read_rules(
        'spread = "off"\n[caps]\nper_day = 1\nat_cap = "give_way"\n'
        '[precedence]\norder = ["renewal", "abandoned-cart"]\n',
        None,
    )
    at = MONDAY_EVENING + DAY
    await q.cli.decided(
        ada,
        at=at - HOUR,
        workflow_id=f"renewal:{ada}:s",
        step="in-two-days",
        state="deferred",
        reason="quiet_hours",
        held_until=at,
    )
    await q.ran(ada, MONDAY_EVENING, DAY)


async def restricted(q: Question, ada: str) -> None:
    async with q.cli.store.transaction() as session:
        await restrictions.begin(session, ada, by="ann", why="a dispute")
    await q.ran(ada, NOW - 2 * DAY, 2 * DAY)


async def erased(q: Question, ada: str) -> None:
    async with q.cli.store.transaction() as session:
        await session.exec(
            text("UPDATE customers SET erased_at = '2024-01-01 00:00:00'")  # type: ignore[call-overload]
        )


async def paused(q: Question, ada: str) -> None:
    async with q.cli.store.transaction() as session:
        await pauses.begin(session, Channel.EMAIL, because="broken", by="ann")
    await q.ran(ada, NOW - DAY, DAY)


async def held(q: Question, ada: str) -> None:
    await q.put(_switch(Part.SENDS))
    await q.ran(ada, NOW - DAY, DAY)


async def too_late(q: Question, ada: str) -> None:
    q.life.rules = read_rules(
        'spread = "off"\n[[rules]]\nname = "spring"\nclosed = "2024-03-05, 2024-03-06"\n', None
    )
    await q.ran(ada, MONDAY_EVENING, DAY)


async def elsewhere(q: Question, ada: str) -> None:
    q.life.settings = q.life.settings.model_copy(update={"only_to": read_only_to("@shop.example")})
    await q.ran(ada, NOW - 2 * DAY, 2 * DAY)


async def refused_by_the_provider(q: Question, ada: str) -> None:
    number = await q.cli.decided(
        ada, at=NOW - DAY, state="rejected", reason="refused", attempt=1, detail="blocked"
    )
    await q.cli.attempted(
        number, at=NOW - DAY, state="refused", error="PermanentError", detail="blocked"
    )


async def got_it(q: Question, ada: str) -> None:
    await q.ran(ada, NOW - 2 * DAY, 2 * DAY)


ANSWERS: list[tuple[Setting, str, str, str, str]] = [
    (nothing, "", "never_entered", "never entered: no Product Added ever came", "starts a run"),
    (too_small, "", "not_qualified", "price: 12 of 20", "`enters_if` asks price"),
    (
        once_more,
        "",
        "came_again",
        "came again too soon: had a run that",
        "`again=` of the",
    ),
    (enough, "", "enough_runs", "had enough open runs: 1 open", "after the end of one"),
    (closed, "", "held_back", "started no run: ann held entries", "sojourn resume journey"),
    (switched_off, "", "switched_off", "has switched the journey off", "`off` in [tool"),
    (no_key, "", "no_key", "without cart_id, the key", "a Product Added with cart_id"),
    (invalid, "", "quarantined", "properties.product_id: Field required", "quarantine mend 1"),
    (not_told, "", "not_told", "no run was told of it yet", "a worker's sweep"),
    (waits, "nudge", "waiting", "still waiting: nudge falls due", ""),
    (waits_in_vain, "", "waiting", "as things stand would not be sent", "was withdrawn"),
    (bought_at_once, "reminder", "goal_reached", "ended before reminder", "without Order Comp"),
    (bought_in_time, "", "goal_reached", "goal had been reached: Order C", "without Order Co"),
    (stopped, "", "run_stopped", "an event or an operator had ended", "next Product Added"),
    (left_the_plan, "", "no_longer", "plan", "`stays_if` asks plan == "),
    (withdrew, "", "no_consent", "agreed to promotional messages", "was withdrawn"),
    (opted_out, "", "opted_out", "opted out of the message's topic", "messages on cart by any"),
    (bounced, "", "suppressed", "bounced, complained or is gone", "sojourn suppressions lift"),
    (no_address, "", "no_address", "no address on any channel", "an identify call that tells"),
    (at_night, "", "quiet_hours", "held until Wed 6 Mar 2024 10:00", "it would have left Tue"),
    (capped, "nudge", "cap", "cap of 1 a week went to abandoned-cart/reminder", "with 2 it wo"),
    (gave_way, "", "gave_way", "gave way to a held message", "before the other in [preced"),
    (restricted, "", "restricted", "data are kept and not used", "sojourn customer restrict"),
    (erased, "", "erased", "the customer is erased", "an erasure is for good"),
    (paused, "", "paused", "the channel was paused", "sojourn channels resume email"),
    (held, "", "held_back", "an operator holds it back; ann did so", "sojourn resume journey"),
    (too_late, "", "too_late", "too late to be of use", "spring: not on 05 Mar"),
    (elsewhere, "", "only_to", "may not write to the address", "SOJOURN_ONLY_TO allows"),
    (refused_by_the_provider, "", "refused", "refused the message for good", "what it objects"),
    (got_it, "reminder", "sent", "they did get reminder: sent by email", ""),
]
"""The setting; the message asked about; the cause; parts of the verdict and of the remedy."""


@pytest.mark.parametrize(
    ("setting", "step", "cause", "verdict", "instead"),
    ANSWERS,
    ids=[asked[0].__name__ for asked in ANSWERS],
)
async def test_one_command_answers_why(  # noqa: PLR0917
    offline: Cli,
    monkeypatch: pytest.MonkeyPatch,
    setting: Setting,
    step: str,
    cause: str,
    verdict: str,
    instead: str,
) -> None:
    question = Question(offline, monkeypatch)
    ada = await offline.identify(**ROME, plan="free")
    await setting(question, ada)
    asked = f"abandoned-cart/{step}" if step else "abandoned-cart"
    found = (await offline("why-not", ada, asked, "--json")).json
    assert (found["cause"], verdict in found["verdict"]) == (cause, True), found
    assert instead in found["instead"], found
    answer = await offline("why-not", ada, asked)
    assert answer.code == 0
    first, second = answer.out.splitlines()[:2]
    assert first == found["verdict"], "the first line is the answer"
    if instead:
        assert found["instead"] in f"{first}{second}"
    assert "ada@example.com" not in answer.out


async def test_the_causes_of_silence_are_all_asked_about() -> None:
    assert len({cause for _, _, cause, _, _ in ANSWERS}) >= 20
    asked = {cause for _, _, cause, _, _ in ANSWERS}
    rare = {Cause.ON_ITS_WAY, Cause.STARTED_NOTHING, Cause.OTHER_WAY}
    assert set(Cause) - rare <= asked


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (("nobody", "abandoned-cart"), 'no customer "nobody"'),
        (("ada", "abandoned-card"), 'did you mean "abandoned-cart"?'),
        (("ada", "abandoned-cart/remindr"), 'did you mean "reminder"?'),
    ],
)
async def test_an_unknown_name_is_one_line(
    offline: Cli, asked: tuple[str, str], words: str
) -> None:
    await offline.identify("ada")
    answer = await offline("why-not", *asked)
    assert (answer.code, answer.out) == (2, "")
    assert words in answer.fault


async def test_the_evidence_is_of_the_journey_alone(
    offline: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    question = Question(offline, monkeypatch)
    ada = await offline.identify(**ROME)
    await got_it(question, ada)
    await offline.decided(ada, at=NOW - DAY, workflow_id=f"renewal:{ada}:s", step="today")
    await happened(offline, ada, "Signed Up", NOW - DAY)
    answer = await offline("why-not", ada, "abandoned-cart")
    assert "abandoned-cart k reminder" in answer.out
    assert "renewal" not in answer.out
    assert "Signed Up" not in answer.out


async def test_explain_narrows_the_story_to_a_run_or_a_message(
    offline: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    question = Question(offline, monkeypatch)
    ada = await offline.identify(**ROME)
    await question.ran(ada, NOW - 9 * DAY, 8 * DAY)
    await question.ran(ada, NOW - 2 * DAY, DAY, cart_id="k2")
    run = f"abandoned-cart:{ada}:k2"
    told = (await offline("explain", ada, "--run", run, "--json")).json
    messages = [one for one in told["timeline"] if one["kind"] == "message"]
    assert [(one["workflow_id"], one["step"]) for one in messages] == [(run, "reminder")]
    assert [one["workflow_id"] for one in told["runs"]] == [run]
    told = (await offline("explain", ada, "--message", "nudge", "--json")).json
    steps = [one["step"] for one in told["timeline"] if one["kind"] == "message"]
    assert steps == ["nudge"]
    (number,) = [one["number"] for one in told["timeline"] if one["kind"] == "message"]
    for name in ("abandoned-cart/nudge", number):
        assert (await offline("explain", ada, "--message", name, "--json")).json == told
    wrong = await offline("explain", ada, "--run", f"abandoned-cart:{ada}:k3")
    assert wrong.code == 2
    assert "did you mean" in wrong.fault
    assert (await offline("explain", ada, "--message", "nugde")).fault.endswith(
        'did you mean "nudge"?'
    )


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        (capped, "with 2 it would have left Fri 8 Mar 10:00"),
        (left_the_plan, '`stays_if` asks plan == "pro"'),
        (too_small, "`enters_if` asks price >= 20"),
        (withdrew, "consent to promotional messages by email was withdrawn"),
    ],
)
async def test_explain_says_what_would_have_changed_it(
    offline: Cli, monkeypatch: pytest.MonkeyPatch, setting: Setting, words: str
) -> None:
    question = Question(offline, monkeypatch)
    ada = await offline.identify(**ROME, plan="free")
    await setting(question, ada)
    assert words in (await offline("explain", ada)).out
    told = (await offline("explain", ada, "--json")).json["timeline"]
    assert any(words in one.get("instead", "") for one in told)


async def test_explain_shows_our_answer_to_a_stop_word(offline: Cli) -> None:
    ada = await offline.identify(**ROME)
    async with offline.store.transaction() as session:
        session.add(
            AnswerRow(
                provider="twilio",
                event_id="r1",
                channel="sms",
                address="+393201234567",
                customer_id=ada,
                meaning="stop",
                language="it",
                at=NOW,
                state=AnswerState.DROPPED,
                reason="too_late",
            )
        )
    out = (await offline("explain", ada)).out
    assert "STOP came by sms: no answer was sent (too late)" in out
    assert "+393201234567" not in out
