"""The local activity that answers what the steps of a run ask about its customer.

The first time that a variant of an experiment is asked for, it notes that the customer is in it.
"""

import asyncio
from collections.abc import Collection
from datetime import timedelta
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession
from temporalio import activity
from temporalio.exceptions import ApplicationError

from sojourn.domain.calls import Question, Reply
from sojourn.domain.experiment import drawn
from sojourn.domain.facts import read_fact, read_measure
from sojourn.domain.keys import veiled
from sojourn.domain.text import bounded
from sojourn.journeys.temporal import READ_FACT
from sojourn.store import Store, exposures, people
from sojourn.store.facts import one

LONGEST_ATTEMPT = 15
"""Seconds that one attempt may take; then the next begins."""
LONGEST_ANSWER = 200
"""Characters of a text in a history; a longer one is no code, and becomes a digest."""


class Questions:
    """Answers questions from the store, with nothing personal in the answer."""

    def __init__(self, store: Store, own: Collection[str] = ()) -> None:
        """Make the activity.

        Args:
            store: an open store.
            own: topics that need a yes of their own.
        """
        self._store = store
        self._own = own

    @activity.defn(name=READ_FACT)
    async def read(self, asked: Question) -> Reply:
        """Answer one question, by what is stored now.

        Returns:
            The answer, as JSON; None if it is unknown.

        Raises:
            ApplicationError: the store cannot be read now; Temporal tries again.
        """
        try:
            async with asyncio.timeout(LONGEST_ATTEMPT):
                async with self._store.reading() as session:
                    found = await answered(session, asked, self._own)
                    no_note = not asked.experiment or asked.shadow
                    is_noted = no_note or await _has(session, asked) is not None
                if is_noted:
                    return found
                async with self._store.transaction() as session:
                    return Reply(result=await exposures.note(session, asked))
        except Exception as error:
            # an error's text may quote a row: Temporal gets the kind alone
            kind = type(error).__name__
            activity.logger.warning("a fact could not be read: %s", kind)
            raise ApplicationError(f"{kind}: see the worker's log", type=kind) from None


async def answered(session: AsyncSession, asked: Question, own: Collection[str]) -> Reply:
    """Answer a question by what the store knows now.

    Args:
        session: any session.
        asked: the question.
        own: topics that need a yes of their own.

    Returns:
        The answer, as JSON; None if it is unknown.
    """
    person = await people.read(session, asked.customer_id)
    answer: Any
    if asked.experiment:
        has = await exposures.held(session, person.customer_id, asked.experiment, asked.weights)
        answer = has or drawn(asked.experiment, asked.weights, person.customer_id)
    elif asked.fact is not None:
        finding = await one.judged(session, person, read_fact(asked.fact), asked.now, own=own)
        answer = finding.holds
    else:
        answer = await one.measured(session, person, read_measure(asked.measure), asked.now)
    return Reply(result=plain_answer(answer))


async def _has(session: AsyncSession, asked: Question) -> str | None:
    person = await people.read(session, asked.customer_id)
    return await exposures.held(session, person.customer_id, asked.experiment, asked.weights)


def plain_answer(answer: Any) -> Any:
    """Return an answer as JSON: an address, whatever its author declared, becomes a digest.

    Args:
        answer: a value of a fact or a measure.

    Returns:
        A value that a history may keep.
    """
    if isinstance(answer, timedelta):
        return answer.total_seconds()
    if isinstance(answer, str):
        return bounded(veiled(answer), LONGEST_ANSWER, prefix="text-")
    return answer
