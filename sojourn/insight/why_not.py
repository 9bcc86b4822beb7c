"""`WhyNot`: why a customer did not get a journey or a message, in one line, with the evidence."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from pydantic import BaseModel
from temporalio.client import Client

from sojourn.domain.errors import BadInput, TemporalUnavailable
from sojourn.domain.keys import plain
from sojourn.domain.messages import Outcome, Reason, Status
from sojourn.domain.reasons import explain
from sojourn.insight.fate import Decided
from sojourn.insight.happenings import Entry, Happened
from sojourn.insight.narrowing import of_journey
from sojourn.insight.preview import Preview, Said, check_step, shown
from sojourn.insight.rehearsing import Rehearsing, goes_on
from sojourn.insight.remedies import Facts, Matter, remedy
from sojourn.insight.story import Line, Story, facts_of, tell
from sojourn.journeys.journey import Journey
from sojourn.journeys.registry import Journeys
from sojourn.journeys.terms import names
from sojourn.journeys.wording import clock
from sojourn.project import Project
from sojourn.settings import Settings
from sojourn.store import Store, cards, quarantine, runs
from sojourn.store.tables import QuarantineRow, RunRow


class Cause(StrEnum):
    """Causes beside `Reason`: no message was decided on, or it did leave."""

    SENT = "sent"
    """They did get it."""
    ON_ITS_WAY = "on_its_way"
    """It is being handed over, or was with an unknown end."""
    WAITING = "waiting"
    """The run is open, and the message has not fallen due."""
    NEVER_ENTERED = "never_entered"
    """No event that starts a run ever came."""
    NO_KEY = "no_key"
    """Such an event came without the journey's key."""
    QUARANTINED = "quarantined"
    """Such an event came, and is kept in quarantine because it does not validate."""
    NOT_TOLD = "not_told"
    """The event is stored, but no run was told of it yet."""
    STARTED_NOTHING = "started_nothing"
    """The event is stored, but started no run: the journey is younger, or could not read it."""
    OTHER_WAY = "other_way"
    """The run has ended or said everything, and its steps did not lead to the message."""


class WhyNot(BaseModel):
    """The answer.

    Args:
        customer_id: the customer.
        journey: the journey.
        step: the message that was asked about; empty: any.
        timezone: the customer's time zone.
        cause: one of `Cause`, or a reason as in docs/reasons.md.
        verdict: the answer in one line.
        instead: the remedy that would have changed it; empty if there is nothing to say.
        run: the run that it is about; None if there is none.
        ahead: the outlook of an event of now, or of the rest of the run; empty: not examined.
        temporal: why Temporal could not be asked; None if it was.
        evidence: the lines of the story, oldest first.
    """

    customer_id: str
    journey: str
    step: str
    timezone: str
    cause: str
    verdict: str
    instead: str
    run: str | None
    ahead: str
    temporal: str | None
    evidence: list[Line]


@dataclass(frozen=True)
class _Answer:
    """The cause and its words."""

    cause: str
    verdict: str
    instead: str = ""
    run: str | None = None
    ahead: str = ""


async def why_not(
    store: Store,
    settings: Settings,
    project: Project,
    client: Client | TemporalUnavailable,
    customer_id: str,
    *,
    journey: str,
    step: str = "",
) -> WhyNot:
    """Explain why a customer did not get a journey, or one message of it.

    Args:
        store: the open store.
        settings: the settings of the installation.
        project: has the journeys, events and templates.
        client: the connected client, or the reason why there is none.
        customer_id: any id of the customer.
        journey: the name of the journey.
        step: a message of it; empty: any.

    Returns:
        The answer from the newest state of the customer in this journey, with the evidence.

    Raises:
        UnknownName: there is no such customer, journey or message; the text offers the nearest.
        BadInput: ``journey`` names a campaign.
    """
    if journey not in project.journeys and journey in project.campaigns:
        raise BadInput(f"{journey} is a campaign: `sojourn explain {customer_id}` tells of it")
    kind = project.journeys.named(journey)
    check_step(kind, step)
    told = await tell(store, settings, project, client, customer_id)
    root = told.customer.customer_id
    async with store.reading() as session:
        customer = await cards.find(session, root)
        assert customer is not None, "the story is theirs"
        facts = await facts_of(session, customer, settings, project.journeys)
        noted = [row for row in await runs.of_customer(session, root) if row.journey == journey]
        kept = [
            row
            for name in names(kind.terms.starts_on)
            for row in await quarantine.listed(session, name=name)
        ]
    mine = of_journey(told, journey, project.journeys, step)
    asking = _Asking(kind, step, mine, facts, noted)
    found = asking.of_ledger_or_entry()
    if found is None and told.customer.erased:
        found = _Answer(Reason.ERASED, explain(Reason.ERASED), "nothing: an erasure is for good")
    rehearsing = Rehearsing(store, settings, project)
    now = datetime.now(UTC)
    if found is None and noted:
        found = await _of_run(asking, rehearsing, noted[-1], now)
    if found is None:
        wrong = [row for row in kept if _is_of(row, root)]
        found = asking.of_no_run(project.journeys, wrong)
        supposed = shown(kind, root, await rehearsing.new_run(kind, root, now), step=step)
        found = _with_ahead(found, supposed.verdict)
    return WhyNot(
        customer_id=root,
        journey=journey,
        step=step,
        timezone=told.customer.timezone,
        cause=str(found.cause),
        verdict=found.verdict,
        instead=found.instead,
        run=found.run,
        ahead=found.ahead,
        temporal=told.temporal,
        evidence=mine.timeline,
    )


@dataclass(frozen=True)
class _Asking:
    """A question: its journey, the part of the story about it, and the customer's runs."""

    journey: type[Journey]
    step: str
    told: Story
    facts: Facts
    noted: Sequence[RunRow]

    @property
    def tz(self) -> str:
        return self.told.customer.timezone

    @property
    def happened(self) -> list[Happened]:
        return [line for line in self.told.timeline if isinstance(line, Happened)]

    def of_ledger_or_entry(self) -> _Answer | None:
        """Answer from the newest decision, of the newest run, and the newest refusal of entry."""
        decided = [line for line in self.told.timeline if isinstance(line, Decided)]
        refused = [
            line for line in self.told.timeline if isinstance(line, Entry) and not line.taken
        ]
        begun = self.noted[-1] if self.noted else None
        if begun is not None:
            decided = [
                one
                for one in decided
                if one.workflow_id == begun.workflow_id and one.at >= begun.started_at
            ]
        last = decided[-1] if decided else None
        stands = max(
            [one.at for one in decided] + ([begun.started_at] if begun else []), default=None
        )
        if refused and (stands is None or refused[-1].at >= stands):
            return _refused(refused[-1])
        return _decided(last) if last is not None else None

    def _at_rest(self, said: str, journeys: Journeys) -> _Answer:
        """Answer for a journey that is switched off, or in whose place another one is."""
        name = self.journey.name
        if (instead := journeys.replaced.get(name)) is not None:
            words = f"{said}, and {instead} is in the place of {name}"
            return _Answer(Reason.SWITCHED_OFF, words, f"ask about {instead}")
        matter = Matter(Reason.SWITCHED_OFF, name)
        words = f"{said}, and {explain(Reason.SWITCHED_OFF)}"
        return _Answer(Reason.SWITCHED_OFF, words, remedy(matter, self.facts))

    def of_no_run(self, journeys: Journeys, wrong: Sequence[QuarantineRow]) -> _Answer:
        """Answer for a customer who never had a run."""
        starts = names(self.journey.terms.starts_on)
        wanted = " or ".join(starts)
        came = [one for one in self.happened if one.name in starts]
        key = self.journey.terms.key
        if not came and wrong:
            row = wrong[-1]
            return _Answer(
                Cause.QUARANTINED,
                f"never entered: {row.name} came {clock(row.received_at, self.tz)} and does not "
                f"validate: {row.path}: {row.reason}",
                f"`sojourn quarantine mend {row.id}`, then `sojourn quarantine redrive {row.id}`",
            )
        if not came:
            return _Answer(
                Cause.NEVER_ENTERED,
                f"never entered: no {wanted} ever came",
                f"a {wanted} of this customer starts a run",
            )
        last = came[-1]
        said = f"never entered: {last.name} came {clock(last.at, self.tz)}"
        if self.journey.name in journeys.off | journeys.replaced.keys():
            return self._at_rest(said, journeys)
        if key and not plain(last.properties.get(key)):
            return _Answer(
                Cause.NO_KEY,
                f"{said} without {key}, the key that tells runs apart",
                f"a {last.name} with {key}",
            )
        if not last.routed:
            return _Answer(
                Cause.NOT_TOLD,
                f"{said}, is stored, and no run was told of it yet",
                "a worker's sweep tells it; `sojourn channels` shows whether one runs",
            )
        return _Answer(
            Cause.STARTED_NOTHING,
            f"{said} and started nothing: the journey was not there yet, or could not read it",
            f"the next {wanted}",
        )

    def ended_by(self, run: RunRow, start: datetime) -> Happened | None:
        """Find the event that ended a run."""
        terms = self.journey.terms
        ends = names((*terms.goal, *terms.stops))
        for one in self.happened:
            if one.name not in ends or one.at <= start:
                continue
            said = plain(one.properties.get("run")) or run.workflow_id
            named = terms.reach.said(one.name, one.properties.get)
            if said == run.workflow_id and terms.reach.is_of(run.key, named):
                return one
        return None


async def _of_run(asking: _Asking, rehearsing: Rehearsing, run: RunRow, now: datetime) -> _Answer:
    """Answer for a run that has not decided on the message in question."""
    rehearsed = await rehearsing.again(asking.journey, run, now)
    if rehearsed is None:
        matter = Matter(Reason.EVENT_MISSING, run.journey)
        words = f"{run.workflow_id} sends nothing: {explain(Reason.EVENT_MISSING)}"
        return _Answer(Reason.EVENT_MISSING, words, remedy(matter, asking.facts), run.workflow_id)
    told = next((one for one in asking.told.runs if one.workflow_id == run.workflow_id), None)
    outcome = told.outcome if told else None
    closed = run.closed_at is not None or (told is not None and told.closed is not None)
    if not closed and goes_on(rehearsed):
        seen = shown(asking.journey, run.customer_id, rehearsed, step=asking.step)
        return _waiting(asking, run, seen)
    result = rehearsed.played.result
    outcome = outcome or (result.outcome if result else None)
    return _over(asking, run, outcome, rehearsed.start.occurred_at)


def _waiting(asking: _Asking, run: RunRow, seen: Preview) -> _Answer:
    ahead = seen.next
    if ahead is None:
        way = f"do not come to {asking.step}" if asking.step else "have nothing more to say"
        words = f"the run is on, and as things stand its steps {way}"
        return _Answer(Cause.OTHER_WAY, words, run=run.workflow_id)
    when = clock(ahead.due, asking.tz)
    verdict = f"still waiting: {ahead.step} falls due {when}"
    if ahead.status is Status.SENT:
        return _Answer(Cause.WAITING, verdict, run=run.workflow_id, ahead=_line(ahead))
    matter = _matter(asking, ahead)
    return _Answer(
        Cause.WAITING,
        f"{verdict}, and as things stand {ahead.text}",
        remedy(matter, asking.facts) if matter else "",
        run.workflow_id,
        _line(ahead) if ahead.holds or ahead.detail else "",
    )


def _over(asking: _Asking, run: RunRow, outcome: Outcome | None, start: datetime) -> _Answer:
    before = asking.step or "it said anything"
    ended = asking.ended_by(run, start)
    by = f": {ended.name}, {clock(ended.at, asking.tz)}" if ended else ""
    reasons = {Outcome.CONVERTED: Reason.GOAL_REACHED, Outcome.STOPPED: Reason.RUN_STOPPED}
    if outcome in reasons:
        reason = reasons[outcome]
        named = f"{ended.name} of {clock(ended.at, asking.tz)}" if ended else ""
        matter = Matter(reason, run.journey, asking.step, cause=named)
        return _Answer(
            reason,
            f"the run ended before {before} because {explain(reason)}{by}",
            remedy(matter, asking.facts),
            run.workflow_id,
        )
    return _Answer(
        Cause.OTHER_WAY,
        f"the run has ended, and its steps never came to {asking.step or 'a message'}",
        "the steps decide that: `sojourn preview` plays them",
        run.workflow_id,
    )


def _decided(last: Decided) -> _Answer:
    name = f"{last.step}: {last.text}"
    if last.state == Status.SENT:
        return _Answer(Cause.SENT, f"they did get {name}", run=last.workflow_id)
    cause = last.reason or Cause.ON_ITS_WAY
    return _Answer(cause, name, last.instead, last.workflow_id)


def _refused(entry: Entry) -> _Answer:
    return _Answer(entry.reason or "", entry.text, entry.instead, entry.run)


def _matter(asking: _Asking, ahead: Said) -> Matter | None:
    if ahead.reason is None:
        return None
    message = next(one for one in asking.journey.messages if one.step == ahead.step)
    return Matter(
        ahead.reason,
        asking.journey.name,
        ahead.step,
        message.topic or asking.journey.topic,
        message.channels,
        at=ahead.at,
        detail=ahead.detail,
    )


def _line(said: Said) -> str:
    holds = "".join(f"{held.text}; " for held in said.holds)
    detail = f": {said.detail}" if said.detail else ""
    return f"{said.step}: {holds}{said.text}{detail}"


def _with_ahead(found: _Answer, ahead: str) -> _Answer:
    return _Answer(
        found.cause, found.verdict, found.instead, found.run, f"if one came now: {ahead}"
    )


def _is_of(row: QuarantineRow, customer_id: str) -> bool:
    ids = (row.call.get("userId"), row.call.get("anonymousId"))
    return customer_id in ids
