"""Exposures: the variants of experiments that customers had."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.calls import Question
from sojourn.domain.experiment import drawn
from sojourn.domain.holdout import Assigned
from sojourn.domain.messages import Delivery
from sojourn.store import people
from sojourn.store.tables import ExposureRow
from sojourn.store.tombstones import is_tombstone


async def held(
    session: AsyncSession, customer_id: str, experiment: str, weights: Mapping[str, float]
) -> str | None:
    """Return the variant that a customer keeps; None if one has to be drawn.

    Args:
        session: any session.
        customer_id: the id that holds everything.
        experiment: its name.
        weights: the weights of its variants, as they are now.

    Returns:
        The first variant with a weight that the person had, under any of their ids.
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
        asked: the question about an experiment. Nothing is noted about an erased person.

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


async def oldest(
    session: AsyncSession, customer_ids: Collection[str], experiments: Collection[str]
) -> dict[str, dict[str, str]]:
    """Return the first variant that customers had in experiments.

    Args:
        session: any session.
        customer_ids: ids that hold everything.
        experiments: their names.

    Returns:
        The variants by customer and experiment, without customers who had none.
    """
    query = (
        select(ExposureRow.customer_id, ExposureRow.experiment, ExposureRow.variant)
        .where(
            col(ExposureRow.customer_id).in_(customer_ids),
            col(ExposureRow.experiment).in_(experiments),
        )
        .order_by(col(ExposureRow.at), col(ExposureRow.id))
    )
    found: dict[str, dict[str, str]] = {}
    for customer_id, experiment, variant in await session.exec(query):
        found.setdefault(customer_id, {}).setdefault(experiment, variant)
    return found


def new(customer_id: str, assigned: Iterable[Assigned], delivery: Delivery) -> list[ExposureRow]:
    """Return rows for the variants of a customer that are not noted yet.

    Args:
        customer_id: the id that holds everything; nothing is noted about an erased person.
        assigned: the variants.
        delivery: the message for which they matter first.

    Returns:
        The rows; the caller stores them.
    """
    if is_tombstone(customer_id):
        return []
    return [
        ExposureRow(
            experiment=one.experiment,
            customer_id=customer_id,
            variant=one.variant,
            at=delivery.now,
            workflow_id=delivery.workflow_id,
        )
        for one in assigned
        if one.is_new
    ]
