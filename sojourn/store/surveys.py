"""Answers of customers to questions in messages, one for each customer and question."""

from collections import Counter
from datetime import datetime

from sqlalchemy import delete, func, literal
from sqlmodel import SQLModel, col, exists, select
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.surveys import Mood, SurveyNumbers, mood_of
from sojourn.store.tables import SurveyAnswerRow

ANSWERS = SQLModel.metadata.tables["survey_answers"]


async def find(session: AsyncSession, survey: str, customer_id: str) -> SurveyAnswerRow | None:
    """Return the answer of a customer to a question.

    Args:
        session: any session.
        survey: the campaign that asked, by its id.
        customer_id: the id that holds everything.

    Returns:
        The answer; None if there is none.
    """
    query = select(SurveyAnswerRow).where(
        SurveyAnswerRow.survey == survey, SurveyAnswerRow.customer_id == customer_id
    )
    return (await session.exec(query)).first()


def answer(
    session: AsyncSession, survey: str, customer_id: str, score: int, *, at: datetime
) -> None:
    """Keep the first answer of a customer to a question.

    Args:
        session: a writing transaction that holds the customer.
        survey: the campaign that asked.
        customer_id: the id that holds everything.
        score: 0 to 10.
        at: the moment.
    """
    session.add(
        SurveyAnswerRow(survey=survey, customer_id=customer_id, score=score, answered_at=at)
    )


async def of_customer(
    session: AsyncSession, customer_id: str, *, limit: int
) -> list[SurveyAnswerRow]:
    """Return the answers of a customer that have a comment, newest first.

    Args:
        session: any session.
        customer_id: the id that holds everything.
        limit: the most to return.

    Returns:
        The answers.
    """
    query = (
        select(SurveyAnswerRow)
        .where(
            SurveyAnswerRow.customer_id == customer_id,
            col(SurveyAnswerRow.commented_at).is_not(None),
        )
        .order_by(col(SurveyAnswerRow.commented_at).desc())
        .limit(limit)
    )
    return list((await session.exec(query)).all())


async def numbers(session: AsyncSession, survey: str) -> SurveyNumbers:
    """Count the answers to a question.

    Args:
        session: any session.
        survey: the campaign that asked, by its id.
    """
    query = (
        select(SurveyAnswerRow.score, func.count(), func.count(col(SurveyAnswerRow.commented_at)))
        .where(SurveyAnswerRow.survey == survey)
        .group_by(col(SurveyAnswerRow.score))
    )
    found: Counter[Mood] = Counter()
    comments = 0
    for score, answers, commented in await session.exec(query):
        found[mood_of(score)] += answers
        comments += commented
    return SurveyNumbers(found[Mood.PROMOTER], found[Mood.PASSIVE], found[Mood.DETRACTOR], comments)


async def move(session: AsyncSession, old_id: str, new_id: str) -> None:
    """Move the answers of an id that is given up; each question keeps one.

    Args:
        session: a writing transaction that holds both.
        old_id: given up.
        new_id: the id that holds everything from now on; its own answers stay.
    """
    other = ANSWERS.alias()
    twice = exists(
        select(literal(1)).select_from(other)
        .where(other.c.survey == ANSWERS.c.survey, other.c.customer_id == new_id)
        .correlate(ANSWERS)
    )  # fmt: skip
    connection = await session.connection()
    await connection.execute(delete(ANSWERS).where(ANSWERS.c.customer_id == old_id, twice))
    await connection.execute(
        ANSWERS.update().where(ANSWERS.c.customer_id == old_id).values(customer_id=new_id)
    )
