"""A look counts, judges and notes; each who is told is told once, whatever dies or fails."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from sqlmodel import select

from sojourn.composing import load_project
from sojourn.domain.alerts.alert import Alert, Kind, Word
from sojourn.domain.alerts.spans import WEEKS
from sojourn.domain.calendar import zone
from sojourn.domain.switches import Part, Scope
from sojourn.insight.alerts.known import Known
from sojourn.insight.alerts.sinks import Said
from sojourn.insight.alerts.telling import LEASE, LONGEST_WAIT, Telling
from sojourn.insight.alerts.watching import Watching
from sojourn.store import Store, alerts, pulse, switches
from sojourn.store.tables import (
    AlertTellingRow,
    AudienceRow,
    EventRow,
    MemberRow,
    PulseRow,
    RollupReasonRow,
    RollupRow,
    RunRow,
)

NOW = datetime(2026, 11, 25, 12, 30, tzinfo=UTC)  # a Wednesday
HOUR, DAY, MINUTE = timedelta(hours=1), timedelta(days=1), timedelta(minutes=1)
EVERY = timedelta(minutes=5)
STOP = NOW - DAY - HOUR
PROJECT = load_project()
CART, ADDED = "abandoned-cart", "Product Added"


@pytest_asyncio.fixture(loop_scope="session")
async def alone(migrated_url: str) -> AsyncIterator[Store]:
    """Open a store of which every row is counted, so that no other test may have it."""
    store = await Store.open(migrated_url)
    yield store
    await store.close()


def watching(store: Store, *sinks: str, places: tuple[tuple[str, str], ...] = ()) -> Watching:
    return Watching(store, Known(PROJECT, zone("UTC"), places), sinks or ("log",), EVERY)


async def keep(store: Store, *rows: object) -> None:
    async with store.transaction() as session:
        session.add_all(rows)


def weeks(kind: str, name: str, n: int, *, until: datetime = NOW) -> list[PulseRow]:
    """Return two a day's hours of ten weeks: every third hour has some, until a moment."""
    begin = NOW.replace(hour=0, minute=0) - (WEEKS + 1) * 7 * DAY
    hours = (begin + 3 * n * HOUR for n in range(8 * 7 * (WEEKS + 2)))
    return [PulseRow(kind=kind, name=name, hour=hour, n=n) for hour in hours if hour < until]


async def looked(store: Store, *sinks: str, now: datetime = NOW, **options: object) -> list[str]:
    """Look twice, as workers do: the first look marks the rows that the second one counts."""
    at = watching(store, *sinks, **options)  # type: ignore[arg-type]
    await at.look(now - EVERY)
    await at.look(now)
    async with store.reading() as session:
        return [row.name for row in await alerts.standing(session)]


def event(number: int, name: str, at: datetime) -> EventRow:
    return EventRow(
        message_id=f"m{number}", customer_id="c", name=name, occurred_at=at, received_at=at
    )


# ---- the pulse -----------------------------------------------------------------------------


async def test_events_and_runs_are_counted_once_by_the_hour(alone: Store) -> None:
    rows: list[object] = [event(n, ADDED, NOW - n * 20 * MINUTE) for n in range(9)]
    rows += [event(20, "Odd One", NOW), event(21, "ada@shop.example wrote", NOW)]
    rows.append(event(22, ADDED, NOW - 100 * DAY))
    rows.append(
        RunRow(
            workflow_id="w",
            run_id="r",
            journey=CART,
            customer_id="c",
            enrolment="m1",
            started_at=NOW,
        )
    )
    await keep(alone, *rows)
    for n in range(4):
        await watching(alone).look(NOW + n * EVERY)
    async with alone.reading() as session:
        found = {
            (row.kind, row.name, row.hour): row.n for row in await session.exec(select(PulseRow))
        }
        assert await pulse.known_until(session) == NOW + 2 * EVERY
    noon = NOW - 30 * MINUTE
    assert found == {
        ("event", ADDED, noon): 2,
        ("event", ADDED, noon - HOUR): 3,
        ("event", ADDED, noon - 2 * HOUR): 3,
        ("event", ADDED, noon - 3 * HOUR): 1,
        ("event", "Odd One", noon): 1,
        ("journey", CART, noon): 1,
    }


async def test_rows_that_come_between_two_looks_are_counted_by_the_third(alone: Store) -> None:
    await keep(alone, event(1, ADDED, NOW))
    await watching(alone).look(NOW)
    await keep(alone, event(2, ADDED, NOW + MINUTE))
    await watching(alone).look(NOW + EVERY)
    async with alone.reading() as session:
        assert sum(row.n for row in await session.exec(select(PulseRow))) == 1
    await watching(alone).look(NOW + 2 * EVERY)
    async with alone.reading() as session:
        assert sum(row.n for row in await session.exec(select(PulseRow))) == 2


# ---- looks ---------------------------------------------------------------------------------


async def test_a_journey_that_fell_silent_is_noted_once_and_so_is_its_end(alone: Store) -> None:
    await keep(alone, *weeks("journey", CART, 9, until=STOP))
    assert await looked(alone) == ["journey-silent:abandoned-cart"]
    assert await looked(alone, now=NOW + HOUR) == ["journey-silent:abandoned-cart"]
    await keep(alone, *(PulseRow(kind="journey", name=CART, hour=NOW + n * HOUR, n=9)
                        for n in range(1, 24)))  # fmt: skip
    assert await looked(alone, now=NOW + DAY) == []
    async with alone.reading() as session:
        (row,) = await alerts.listed(session, everything=True, limit=9)
        words = [one.word for one in await session.exec(select(AlertTellingRow))]
    assert row.over_at == NOW + DAY
    assert words == [Word.BEGAN, Word.OVER]
    assert "sojourn report abandoned-cart --by day" in row.look


async def test_a_renamed_event_is_named_with_its_new_name(alone: Store) -> None:
    await keep(
        alone,
        *weeks("event", ADDED, 9, until=STOP),
        *weeks("event", "Order Completed", 90),
        *weeks("journey", CART, 9, until=STOP),
        *(PulseRow(kind="event", name="Product Add", hour=STOP + n * HOUR, n=3)
          for n in range(24)),
    )  # fmt: skip
    assert await looked(alone) == ["event-renamed:Product Added"]
    async with alone.reading() as session:
        (row,) = await alerts.standing(session)
    assert '"Product Add", which nothing declares, came 69 times instead' in row.line


async def test_a_new_journey_and_one_that_is_held_back_are_not_missed(alone: Store) -> None:
    new = [row for row in weeks("journey", "onboarding", 50, until=STOP)
           if row.hour > NOW - 15 * DAY]  # fmt: skip
    await keep(alone, *new, *weeks("journey", CART, 9, until=STOP))
    async with alone.transaction() as session:
        await switches.begin(session, Scope.JOURNEY, CART, [Part.ENTRIES], closed=False,
                             because="wrong price", by="anna")  # fmt: skip
    assert await looked(alone) == []


async def test_nothing_is_expected_of_a_holiday(alone: Store) -> None:
    christmas = datetime(2026, 12, 25, 23, 30, tzinfo=UTC)
    rows = weeks("journey", CART, 9, until=christmas - DAY - HOUR)
    later = (PulseRow(kind="journey", name=CART, hour=NOW.replace(minute=0) + 3 * n * HOUR, n=9)
             for n in range(8 * 29 + 4))  # fmt: skip
    await keep(alone, *{row.hour: row for row in (*rows, *later)}.values())
    assert await looked(alone, now=christmas, places=(("IT", ""),)) == []
    assert await looked(alone, now=christmas + HOUR - EVERY) == ["journey-silent:abandoned-cart"]


async def test_messages_that_do_not_leave_and_those_that_are_skipped_are_seen(alone: Store) -> None:
    today = NOW.date()
    rows: list[object] = []
    for n in range(1, 60):
        day = (today - n * DAY).isoformat()
        silent = n == 1
        rows += [
            RollupRow(id=n, day=day, source=CART, step="reminder", channel="email", due=80,
                      sent=0 if silent else 70, skipped=10),
            RollupReasonRow(rollup_id=n, reason="no_consent", n=10),
        ]  # fmt: skip
    rows.append(RollupRow(id=60, day=today.isoformat(), source=CART, step="reminder",
                          channel="email", due=90, skipped=90, mailbox="gmail"))  # fmt: skip
    rows.append(RollupReasonRow(rollup_id=60, reason="template", n=90))
    await keep(alone, *rows)
    assert await looked(alone) == [
        "sends-silent:abandoned-cart",
        "skips-surge:abandoned-cart/template",
    ]


async def test_messages_that_are_held_are_not_silent(alone: Store) -> None:
    rows = []
    for n in range(1, 60):
        row = RollupRow(day=(NOW.date() - n * DAY).isoformat(), source=CART, step="reminder",
                        channel="email", due=80, sent=80)  # fmt: skip
        if n == 1:
            row.sent, row.held = 0, 80
        rows.append(row)
    await keep(alone, *rows)
    assert await looked(alone) == []


async def test_complaints_and_an_empty_audience_are_seen(alone: Store) -> None:
    watched = min(one.name for one in PROJECT.audiences.watched)
    await keep(
        alone,
        RollupRow(day=NOW.date().isoformat(), source="newsletter", step="news", channel="email",
                  mailbox="gmail", due=9000, sent=9000, complained=80),
        AudienceRow(name=watched, fact="f", began_at=NOW, next_at=NOW, looked_at=NOW, size=0),
        *(MemberRow(audience=watched, customer_id=f"c{n}", inside=False, at=NOW - HOUR)
          for n in range(25)),
    )  # fmt: skip
    assert await looked(alone) == [
        "complaints-over:gmail",
        "complaints-high:gmail",
        f"audience-empty:{watched}",
    ]


async def test_of_several_workers_one_looks(alone: Store) -> None:
    await keep(alone, *weeks("journey", CART, 9, until=STOP))
    await watching(alone).look(NOW - EVERY)
    turned = await asyncio.gather(*(watching(alone).look(NOW) for _ in range(4)))
    assert sorted(one.began for one in turned) == [(), (), (), ("journey-silent:abandoned-cart",)]


class Killed(Exception):
    """A worker that ended."""


async def test_a_worker_that_dies_in_a_look_leaves_it_to_the_next(
    alone: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    await keep(alone, *weeks("journey", CART, 9, until=STOP))
    await watching(alone).look(NOW - EVERY)

    async def dying(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(alerts, "turn", dying)
        with pytest.raises(Killed):
            await watching(alone).look(NOW)
    assert (await watching(alone).look(NOW + EVERY)).began == ("journey-silent:abandoned-cart",)


# ---- who is told ---------------------------------------------------------------------------

ALERT = Alert(Kind.JOURNEY_SILENT, CART, "it fell silent", 0, 53, "24 hours", ("sojourn runs",))


@dataclass
class Fake:
    """Somebody who is told, and at times is not there."""

    name: str
    heard: list[str] = field(default_factory=list)
    failing: int = 0
    dies: bool = False

    async def tell(self, said: Said) -> str:
        if self.failing:
            self.failing -= 1
            return "HTTP 503"
        self.heard.append(said.id.partition("_")[2].partition("_")[2])
        if self.dies:
            self.dies = False
            raise Killed
        return ""


async def turn(store: Store, sinks: Sequence[Fake], *found: Alert, now: datetime = NOW) -> None:
    async with store.transaction() as session:
        await alerts.turn(session, found, [one.name for one in sinks], now)


async def test_each_is_told_once_of_the_beginning_and_of_the_end(alone: Store) -> None:
    sinks = [Fake("log"), Fake("webhook")]
    telling = Telling(alone, sinks)
    for n in range(3):
        await turn(alone, sinks, ALERT, now=NOW + n * EVERY)
        await telling.tell(NOW + n * EVERY)
    assert [one.heard for one in sinks] == [["began"], ["began"]]
    await turn(alone, sinks, now=NOW + HOUR)
    await telling.tell(NOW + HOUR)
    await turn(alone, sinks, ALERT, now=NOW + 2 * HOUR)
    await telling.tell(NOW + 2 * HOUR)
    assert [one.heard for one in sinks] == [["began", "over", "began"]] * 2


async def test_one_that_fails_is_told_later_and_others_are_not_told_again(alone: Store) -> None:
    sinks = [Fake("log"), Fake("webhook", failing=2)]
    telling = Telling(alone, sinks)
    await turn(alone, sinks, ALERT)
    await telling.tell(NOW)
    async with alone.reading() as session:
        (failed,) = await alerts.untold(session)
    assert (failed.sink, failed.fault, failed.tries) == ("webhook", "HTTP 503", 1)
    await turn(alone, sinks, now=NOW + MINUTE)  # it is over before the webhook knows that it began
    for n in range(1, 6):
        await telling.tell(NOW + n * LONGEST_WAIT)
    assert sinks[0].heard == ["began", "over"]
    assert sinks[1].heard == ["began", "over"]
    async with alone.reading() as session:
        assert not await alerts.untold(session)


async def test_a_worker_that_dies_after_it_has_told_tells_again_and_loses_nothing(
    alone: Store,
) -> None:
    sinks = [Fake("log"), Fake("webhook", dies=True)]
    telling = Telling(alone, sinks)
    await turn(alone, sinks, ALERT)
    with pytest.raises(Killed):
        await telling.tell(NOW)
    await telling.tell(NOW + MINUTE)
    assert sinks[1].heard == ["began"]  # it may be at work yet
    await telling.tell(NOW + LEASE)
    assert sinks[1].heard == ["began", "began"]
    assert sinks[0].heard == ["began"]


async def test_several_workers_tell_each_word_once(alone: Store) -> None:
    sinks = [Fake("log"), Fake("webhook")]
    await turn(alone, sinks, ALERT, replace(ALERT, about="renewal"))
    await asyncio.gather(*(Telling(alone, sinks).tell(NOW) for _ in range(4)))
    assert [one.heard for one in sinks] == [["began"] * 2] * 2


@pytest.mark.parametrize("name", ["journey-silent:abandoned-cart", "journey-silent"])
async def test_what_is_kept_quiet_is_noted_and_told_to_nobody_until_the_quiet_ends(
    alone: Store, name: str
) -> None:
    sinks = [Fake("log")]
    async with alone.transaction() as session:
        await alerts.keep_quiet(
            session, name, until=NOW + DAY, because="stocktaking", by="anna", at=NOW
        )
    await turn(alone, sinks, ALERT, replace(ALERT, kind=Kind.SENDS_SILENT))
    await Telling(alone, sinks).tell(NOW)
    assert len(sinks[0].heard) == 1
    async with alone.reading() as session:
        assert len(await alerts.standing(session)) == 2
    await turn(alone, sinks, ALERT, now=NOW + 2 * DAY)
    await Telling(alone, sinks).tell(NOW + 2 * DAY)
    assert sinks[0].heard == ["began", "over", "began"]
