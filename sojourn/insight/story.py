"""`Story`: a customer's card, runs, events and messages, with the reasons."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated

from pydantic import BaseModel, Field
from sqlmodel.ext.asyncio.session import AsyncSession
from temporalio.client import Client

from sojourn.domain.customer import Customer, home_zone
from sojourn.domain.errors import TemporalUnavailable
from sojourn.domain.messages import Channel, Reason
from sojourn.domain.states import MessageState
from sojourn.insight import fate, happenings
from sojourn.insight.card import Card, card_of
from sojourn.insight.course import Course, course_of
from sojourn.insight.fate import Decided
from sojourn.insight.happenings import (
    Aliased,
    Answered,
    Cared,
    Consented,
    Entry,
    Happened,
    PersonAsked,
    Readdressed,
)
from sojourn.insight.held import held_back
from sojourn.insight.in_campaigns import InAudience, campaign_of, undecided
from sojourn.insight.letters import unknown_customer
from sojourn.insight.recall import Recall
from sojourn.insight.remedies import Facts, Matter, remedy
from sojourn.insight.runs import Run, list_runs, with_details
from sojourn.insight.waits import Wait, waits_of
from sojourn.journeys.registry import Journeys
from sojourn.journeys.wording import clock
from sojourn.project import Project
from sojourn.settings import Settings
from sojourn.store import (
    Store,
    addresses,
    answers,
    attempts,
    cards,
    consents,
    devices,
    entries,
    events,
    handovers,
    ledger,
    mutes,
    pauses,
    people,
    recipients,
    reports,
    runs,
    suppressions,
    switches,
    tasks,
)
from sojourn.store.suppressions import Asked
from sojourn.store.tables import EntryRow, EventRow, LedgerRow, RunRow

NOT_ASKED = "not asked"
NOT_KEPT = "not in Temporal"
MOST_ANSWERS = 100
MOST_CAMPAIGNS = 200
MOST_SWITCHES = 1000
"""The most switches that are read, newest first; operators set a few a year."""

Line = Annotated[
    Happened
    | Entry
    | Consented
    | Answered
    | Readdressed
    | Aliased
    | Cared
    | PersonAsked
    | Wait
    | InAudience
    | Decided,
    Field(discriminator="kind"),
]


class Story(BaseModel):
    """Everything that `sojourn explain` shows.

    Args:
        customer: the card.
        temporal: why Temporal could not be asked; None if it was.
        runs: the runs, open ones first.
        timeline: the lines, oldest first.
    """

    customer: Card
    temporal: str | None
    runs: list[Run]
    timeline: list[Line]


async def tell(
    store: Store,
    settings: Settings,
    project: Project,
    client: Client | TemporalUnavailable,
    customer_id: str,
) -> Story:
    """Gather a customer's story from the store, and from Temporal if it answers.

    Args:
        store: the open store.
        settings: have the time zone for a customer who never named one.
        project: has the journeys and events.
        client: the connected client, or the reason why there is none.
        customer_id: any id of the customer.

    Returns:
        The story.

    Raises:
        UnknownName: no identify call and no event ever named this customer.
    """
    async with store.reading() as session:
        customer = await cards.find(session, customer_id)
        if customer is None:
            raise unknown_customer(customer_id)
        customer_id = customer.customer_id  # the id that holds everything
        joined = await people.joined(session, customer_id)
        versions = await addresses.history(session, customer_id)
        went_to = await ledger.went_to(session, customer_id)
        stands = await consents.current(session, customer_id)
        said = await consents.words(session, customer_id)
        happened = await events.of_customer(session, customer_id)
        rows = await ledger.of_customer(session, customer_id)
        causes = await _causes(session, rows, happened)
        decided = {row.id: row for row in rows if row.id is not None}
        noted = await runs.of_customer(session, customer_id)
        paused = await pauses.current(session)
        held = await switches.history(session, MOST_SWITCHES)
        ids = [customer_id, *(row.customer_id for row in joined)]
        inside = await recipients.of_customers(session, ids, limit=MOST_CAMPAIGNS)
        muted = await mutes.of_customer(session, customer_id)
        judged = await entries.of_customer(session, customer_id)
        tasked = await tasks.listed(session, customer_id=customer_id, everything=True)
        replied = await answers.listed(session, customer_id, limit=MOST_ANSWERS)
        facts = await facts_of(session, customer, settings, project.journeys)
        courses = await _courses(session, decided, went_to)
        noted_devices = await devices.listed(session, customer_id)
        alive = await devices.of(session, customer_id, customer.push_token)
        customer = replace(customer, devices=tuple(alive))
        reach = [(channel, one) for channel in Channel for one in customer.addresses(channel)]
        dead = await suppressions.suppressed(session, reach)
    dumb = {channel for channel, _ in dead} - {channel for channel, _ in set(reach) - dead}
    card = card_of(customer, ids, stands, settings, suppressed=dumb, devices=noted_devices)
    found, fault = await _runs(client, ids, noted)
    waited: list[Wait] = []
    if not isinstance(client, TemporalUnavailable) and fault is None:
        waited = await waits_of(client, [run for run in found if run.status != NOT_KEPT])
    tz, recall = card.timezone, Recall(happened, causes)
    timeline: list[Line] = [
        *(happenings.aliased(row) for row in joined),
        *happenings.readdressed(versions),
        *(happenings.consented(row) for row in said),
        *(happenings.happened(row, project, recall) for row in happened),
        *(happenings.answered(row) for row in replied),
        *(happenings.entered(row, _instead_of_entry(row, facts)) for row in judged),
        *(line for row in muted for line in happenings.cared(row)),
        *(line for row in tasked for line in happenings.asked(row)),
        *waited,
        *undecided(inside, rows, tz),
        *(
            fate.decided(
                row,
                recall,
                tz,
                journeys=project.journeys,
                course=courses[number],
                pauses=paused,
                held_back=held_back(row, held),
                moved=fate.moved(row, went_to, versions, tz),
                address=went_to.get(number, ""),
                instead=_instead(row, facts, recall),
            )
            for number, row in decided.items()
        ),
    ]
    timeline.sort(key=lambda entry: entry.at)  # stable: consent, event, entry, message
    return Story(customer=card, temporal=fault, runs=found, timeline=timeline)


async def facts_of(
    session: AsyncSession, customer: Customer, settings: Settings, journeys: Journeys
) -> Facts:
    """Read the facts that remedies depend on.

    Args:
        session: any session.
        customer: the card.
        settings: have the time zone for a customer who never named one.
        journeys: the project's journeys.

    Returns:
        The facts.
    """
    dead = [
        row
        for channel in customer.reachable
        for address in customer.addresses(channel)
        async for row in suppressions.listed(session, Asked(channel=channel, address=address))
    ]
    return Facts(
        customer_id=customer.customer_id,
        tz=home_zone(customer, settings.timezone),
        journeys=journeys,
        said=await consents.words(session, customer.customer_id),
        dead=dead,
        held=await switches.history(session, MOST_SWITCHES),
    )


def _instead(row: LedgerRow, facts: Facts, recall: Recall) -> str:
    """Say what would have changed the fate of a message that did not leave."""
    if row.reason is None or row.state is MessageState.SENT:
        return ""
    cause = recall.named(row.caused_by)
    journey = facts.journeys.get(row.journey)
    messages = journey.messages if journey is not None else ()
    declared = next((m.channels for m in messages if m.step == row.step), None)
    return remedy(
        Matter(
            reason=Reason(row.reason),
            journey=row.journey,
            campaign=campaign_of(row.workflow_id),
            step=row.step,
            topic=row.topic,
            channels=declared or (Channel(row.channel),),
            at=row.decided_at,
            detail=row.detail or "",
            cause=f"{cause.name} of {clock(cause.occurred_at, facts.tz)}" if cause else "",
        ),
        facts,
    )


def _instead_of_entry(row: EntryRow, facts: Facts) -> str:
    """Say what would have made an event start a run."""
    if row.taken or not row.reason:
        return ""
    journey = facts.journeys.get(row.journey)
    matter = Matter(
        reason=Reason(row.reason),
        journey=row.journey,
        topic=journey.topic if journey is not None else "",
        at=row.at,
        detail=row.because,
    )
    return remedy(matter, facts)


async def _causes(
    session: AsyncSession, rows: Sequence[LedgerRow], happened: Sequence[EventRow]
) -> list[EventRow]:
    """Read the events of the person's other ids that made messages skipped."""
    own = {event.message_id for event in happened}
    wanted = {row.caused_by for row in rows if row.caused_by and row.caused_by not in own}
    return await events.with_ids(session, wanted) if wanted else []


async def _courses(
    session: AsyncSession, rows: Mapping[int, LedgerRow], went_to: Mapping[int, str]
) -> Mapping[int, Course]:
    """Read the course of each message, with addresses masked."""
    tried = await attempts.of_messages(session, rows)
    told = await reports.of_messages(session, rows)
    pushed = await handovers.of_messages(session, rows)
    pairs = {
        number: (Channel(rows[number].channel), address) for number, address in went_to.items()
    }
    dead = await suppressions.suppressed(session, set(pairs.values()))
    return {
        number: course_of(
            tried[number],
            told[number],
            pushed[number],
            suppressed=pairs.get(number) in dead,
            hide=went_to.get(number, ""),
        )
        for number in rows
    }


async def _runs(
    client: Client | TemporalUnavailable, ids: Sequence[str], noted: Sequence[RunRow]
) -> tuple[list[Run], str | None]:
    """Return the customer's runs, and why Temporal could not be asked, if it could not."""
    if isinstance(client, TemporalUnavailable):
        return [_noted(row, NOT_ASKED) for row in noted], str(client)
    try:
        found = await with_details(client, await list_runs(client, customer_ids=ids))
    except TemporalUnavailable as error:
        return [_noted(row, NOT_ASKED) for row in noted], str(error)
    silent = {row.workflow_id: row.shadow for row in noted}  # by the newest row of each
    found = [
        one.model_copy(update={"in_shadow": silent.get(one.workflow_id, False)}) for one in found
    ]
    seen = {(run.workflow_id, run.run_id) for run in found}
    lost = [row for row in noted if (row.workflow_id, row.run_id) not in seen]
    return [*found, *(_noted(row, NOT_KEPT) for row in lost)], None


def _noted(row: RunRow, status: str) -> Run:
    return Run(
        workflow_id=row.workflow_id,
        run_id=row.run_id,
        journey=row.journey,
        customer_id=row.customer_id,
        key=row.key,
        status=status,
        started=row.started_at,
        closed=row.closed_at,
        in_shadow=row.shadow,
    )
