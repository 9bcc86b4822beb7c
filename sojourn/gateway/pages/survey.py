"""``/s/{token}``: customers answer the question of a message with a number, and may say why.

The link in the message chooses the number, and the page's button gives it: a scanner that follows
links answers nothing. The first answer counts, and is stored once, as ``Survey Answered``; one
comment on it may follow, and stays in the store.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum

from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.events import SurveyAnswered
from sojourn.domain.links import Score, read_score
from sojourn.domain.made_ids import made_id
from sojourn.domain.surveys import BEST, LONGEST_COMMENT, is_score, mood_of
from sojourn.domain.text import writable
from sojourn.gateway.http.faults import Refusal
from sojourn.gateway.pages.questions import Question, Shown
from sojourn.store import ours, surveys
from sojourn.store.tables import CustomerRow, EventRow

OVER = Shown("survey-over", 410)


class Wish(StrEnum):
    """The wish that a form expresses."""

    ANSWER = "answer"
    COMMENT = "comment"


class Surveying(Question[Score]):
    """The question of a survey."""

    path = "/s/{token}"
    page = "The page of a survey"
    deed = "Answer it, or comment on the answer, by the page's buttons"
    wishes = tuple(Wish)

    def read(self, token: str) -> Score:
        """Read a link.

        Raises:
            BadToken: it was not made here, or is damaged.
        """
        return read_score(self.secrets, token)

    async def look(
        self, session: AsyncSession, person: CustomerRow | None, link: Score, now: datetime
    ) -> Shown:
        """Return the page with the numbers, or thanks for the answer.

        Args:
            session: any session.
            person: the customer's row; None if nobody has the link's id.
            link: the contents of the link.
            now: by the machine's clock.

        Returns:
            The page.
        """
        if person is None or person.erased_at is not None or _is_over(link, now):
            return OVER
        row = await surveys.find(session, link.survey, person.customer_id)
        if row is None:
            return Shown("survey", names={"chosen": link.score, "scores": range(BEST + 1)})
        names = {
            "score": row.score,
            "mood": mood_of(row.score).value,
            "commented": row.commented_at is not None,
            "longest": LONGEST_COMMENT,
        }
        return Shown("survey-answered", names=names)

    async def take(
        self,
        session: AsyncSession,
        person: CustomerRow,
        link: Score,
        form: Mapping[str, str],
        now: datetime,
    ) -> Sequence[EventRow]:
        """Record the first answer, or the first comment on it.

        Args:
            session: a writing transaction that holds the customer.
            person: the customer's row.
            link: the contents of the link.
            form: ``score`` or ``comment`` beside the ``wish``.
            now: by the machine's clock.

        Returns:
            The event that runs are to be told.

        Raises:
            Refusal: the score is not a number from 0 to 10.
        """
        if person.erased_at is not None or _is_over(link, now):
            return ()
        row = await surveys.find(session, link.survey, person.customer_id)
        if form["wish"] == Wish.COMMENT:
            said = writable(form.get("comment", "").strip(), LONGEST_COMMENT)
            if row is not None and row.commented_at is None and said:
                row.comment, row.commented_at = said, now
                session.add(row)
            return ()
        if row is not None:
            return ()
        # the page shown while the store was away posts only the wish: the link's score is meant
        score = _score(form.get("score", str(link.score)))
        if score is None:
            if "score" in form:
                raise Refusal(400, "body", "must have a score from 0 to 10")
            return ()
        surveys.answer(session, link.survey, person.customer_id, score, at=now)
        told = SurveyAnswered(
            message_id=made_id("survey", link.survey, person.customer_id),
            customer_id=person.customer_id,
            occurred_at=now,
            survey_id=link.survey,
            score=score,
            scale=BEST,
        )
        event, new = await ours.write(session, told)
        return (event,) if new else ()


def _is_over(link: Score, now: datetime) -> bool:
    return now >= datetime.fromtimestamp(link.until, UTC)


def _score(written: str) -> int | None:
    number = int(written) if written.isascii() and written.isdigit() and len(written) < 3 else -1
    return number if is_score(number) else None
