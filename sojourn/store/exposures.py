"""Exposures: the variants of experiments that customers had."""

from collections.abc import Mapping, Sequence

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.calls import Question
from sojourn.domain.experiment import drawn
from sojourn.store import people
from sojourn.store.tables import ExposureRow
from sojourn.store.tombstones import is_tombstone


async def held(
    session: AsyncSession, customer_id: str, experiment: str, weights: Mapping[str, float]
) -> str | None:
    """Return the variant that a customer keeps; None: one is to be drawn.

    Args:
        session: any session.
        customer_id: the id that holds everything.
        experiment: its name.
        weights: of its variants, as they are now.

    Returns:
        The first one that the person had, under any of their ids, of those that have a weight.
    """
    rows = await of_customer(session, customer_id, experiment=experiment)
    return next((row.variant for row in rows if weights.get(row.variant, 0) > 0), None)


async def of_customer(
    session: AsyncSession, customer_id: str, *, experiment: str = ""
) -> Sequence[ExposureRow]:
    """Return the exposures of a customer, oldest first.

    Args:
        session: any session.
        customer_id: the id that holds everything.
        experiment: of this one alone; empty: of all.

    Returns:
        The rows.
    """
    query = select(ExposureRow).where(ExposureRow.customer_id == customer_id)
    if experiment:
        query = query.where(ExposureRow.experiment == experiment)
    return (await session.exec(query.order_by(col(ExposureRow.at), col(ExposureRow.id)))).all()


async def note(session: AsyncSession, asked: Question) -> str:
    """Return the variant that a customer has, and note it if it is new.

    Args:
        session: a writing transaction that holds no customer.
        asked: about an experiment. Of somebody who is erased nothing is noted.

    Returns:
        The variant.
    """
    person = await people.lock(session, asked.customer_id)
    variant = await held(session, person.customer_id, asked.experiment, asked.weights)
    if variant is None:
        variant = drawn(asked.experiment, asked.weights, person.customer_id)
        if person.erased_at is None and not is_tombstone(person.customer_id):
            session.add(
                ExposureRow(
                    experiment=asked.experiment,
                    customer_id=person.customer_id,
                    variant=variant,
                    at=asked.now,
                    workflow_id=asked.run,
                )
            )
    return variant
