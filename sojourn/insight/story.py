"""`Story`: a customer's card, runs, events and messages, with the reasons."""

from collections.abc import Mapping, Sequence
from typing import Annotated

from pydantic import BaseModel, Field
from sqlmodel.ext.asyncio.session import AsyncSession
from temporalio.client import Client

from sojourn.domain.errors import TemporalUnavailable
from sojourn.domain.messages import Channel
from sojourn.insight import fate, happenings
from sojourn.insight.card import Card, card_of
from sojourn.insight.course import Course, course_of
from sojourn.insight.fate import Decided
from sojourn.insight.happenings import Aliased, Consented, Entry, Happened, Readdressed
from sojourn.insight.held import held_back
from sojourn.insight.letters import unknown_customer
from sojourn.insight.runs import Run, list_runs, with_details
from sojourn.project import Project
from sojourn.settings import Settings
from sojourn.store import (
    Store,
    addresses,
    attempts,
    cards,
    consents,
    entries,
    events,
    ledger,
    pauses,
    people,
    reports,
    runs,
    suppressions,
    switches,
)
from sojourn.store.tables import EventRow, LedgerRow, RunRow

NOT_ASKED = "not asked"
NOT_KEPT = "not in Temporal"
MOST_SWITCHES = 1000
"""The newest ones; operators set a few a year."""

Line = Annotated[
    Happened | Entry | Consented | Readdressed | Aliased | Decided, Field(discriminator="kind")
]


class Story(BaseModel):
    """Everything `sojourn explain` tells.

    Args:
        customer: the card.
        temporal: the reason why Temporal could not be asked; None if it was.
        runs: open ones first.
        timeline: oldest first.
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
        store: open.
        settings: for the zone of a customer who never named one.
        project: its journeys and events.
        client: connected; or the reason why not.
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
        customer_id = customer.customer_id  # the one that holds everything, whichever was asked for
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
        judged = await entries.of_customer(session, customer_id)
        courses = await _courses(session, decided, went_to)
        reach = [(channel, customer.address(channel)) for channel in Channel]
        dead = await suppressions.suppressed(session, [pair for pair in reach if pair[1]])
    ids = [customer_id, *(row.customer_id for row in joined)]
    card = card_of(customer, ids, stands, settings, suppressed={channel for channel, _ in dead})
    found, fault = await _runs(client, ids, noted)
    tz = card.timezone
    timeline: list[Line] = [
        *(happenings.aliased(row) for row in joined),
        *happenings.readdressed(versions),
        *(happenings.consented(row) for row in said),
        *(happenings.happened(row, project, happened) for row in happened),
        *(happenings.entered(row) for row in judged),
        *(
            fate.decided(
                row,
                [*happened, *causes],
                tz,
                journeys=project.journeys,
                course=courses[number],
                pauses=paused,
                held_back=held_back(row, held),
                moved=fate.moved(row, went_to, versions, tz),
                address=went_to.get(number, ""),
            )
            for number, row in decided.items()
        ),
    ]
    timeline.sort(key=lambda entry: entry.at)  # stable: consent, event, entry, message
    return Story(customer=card, temporal=fault, runs=found, timeline=timeline)


async def _causes(
    session: AsyncSession, rows: Sequence[LedgerRow], happened: Sequence[EventRow]
) -> list[EventRow]:
    """Read the events of other ids of the person for which messages were skipped."""
    own = {event.message_id for event in happened}
    wanted = dict.fromkeys(row.caused_by for row in rows if row.caused_by not in {None, *own})
    found = [await events.find(session, message_id) for message_id in wanted if message_id]
    return [event for event in found if event is not None]


async def _courses(
    session: AsyncSession, rows: Mapping[int, LedgerRow], went_to: Mapping[int, str]
) -> Mapping[int, Course]:
    """Read the course of each message, addresses masked."""
    tried = await attempts.of_messages(session, rows)
    told = await reports.of_messages(session, rows)
    pairs = {
        number: (Channel(rows[number].channel), address) for number, address in went_to.items()
    }
    dead = await suppressions.suppressed(session, set(pairs.values()))
    return {
        number: course_of(
            tried[number],
            told[number],
            suppressed=pairs.get(number) in dead,
            hide=went_to.get(number, ""),
        )
        for number in rows
    }


async def _runs(
    client: Client | TemporalUnavailable, ids: Sequence[str], noted: Sequence[RunRow]
) -> tuple[list[Run], str | None]:
    """Return the customer's runs, and the reason why Temporal could not be asked, if any."""
    if isinstance(client, TemporalUnavailable):
        return [_noted(row, NOT_ASKED) for row in noted], str(client)
    try:
        found = await with_details(client, await list_runs(client, customer_ids=ids))
    except TemporalUnavailable as error:
        return [_noted(row, NOT_ASKED) for row in noted], str(error)
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
    )
