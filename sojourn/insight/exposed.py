"""The customers of an experiment, one after another, with all that tells their orders."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import timedelta

from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.campaign_run import PREFIX
from sojourn.domain.errors import UnknownName
from sojourn.domain.holdout import EVERYTHING, HELD_OUT
from sojourn.domain.measuring.orders import TAKEN_BACK, Told
from sojourn.insight.measuring import Source
from sojourn.store.measuring import conversions, outcomes
from sojourn.store.measuring.outcomes import Exposed

PAGE = 2000


async def customers(
    session: AsyncSession, name: str, sources: Mapping[str, Source]
) -> AsyncIterator[tuple[Exposed, Source, Sequence[Told]]]:
    """Yield the customers of an experiment with the goals that count, and what they told.

    Raises:
        UnknownName: there are none.
    """
    after = 0
    while page := await outcomes.exposed(session, name, after=after, limit=PAGE):
        after = page[-1].id
        told = await _told(session, page, sources)
        for one in page:
            yield one, _source(name, one, sources), told.get(one.customer_id, [])
    if not after:
        known = [each for each, *_ in await outcomes.experiments(session)]
        raise UnknownName("experiment", name, known, hint="no customer is in one yet")


def in_order(variants: Iterable[str]) -> list[str]:
    """Return variants by name; those who were held out first: others are compared with them."""
    return sorted(variants, key=lambda one: (one != HELD_OUT, one))


def _source(name: str, one: Exposed, sources: Mapping[str, Source]) -> Source:
    """Return the goals that count: of the journey, or of all if the experiment is of all."""
    if name == EVERYTHING:
        every = sources.values()
        goals = frozenset(goal for each in every for goal in each.goals)
        return Source(goals, max((each.window for each in every), default=timedelta(days=7)))
    journey = one.workflow_id.removeprefix(PREFIX).partition(":")[0].partition("@")[0]
    return sources.get(journey, Source(frozenset()))


async def _told(
    session: AsyncSession, page: Sequence[Exposed], sources: Mapping[str, Source]
) -> Mapping[str, list[Told]]:
    names = {goal for each in sources.values() for goal in each.goals}
    if not names:
        return {}
    ids = [one.customer_id for one in page]
    return await conversions.orders_told(session, ids, names | set(TAKEN_BACK))
