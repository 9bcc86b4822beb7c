"""Surveys: a question in a message that is answered by a number from 0 to 10."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

BEST = 10
"""The best score; the worst one is 0."""
LASTS = timedelta(days=60)
"""The time for which the links of a message take an answer."""
LONGEST_COMMENT = 800
"""Characters of a comment."""


class Mood(StrEnum):
    """The kind of an answer, as the Net Promoter Score has it."""

    PROMOTER = "promoter"
    PASSIVE = "passive"
    DETRACTOR = "detractor"


def mood_of(score: int) -> Mood:
    """Return the kind of an answer: 9 and 10, 7 and 8, or less."""
    if score >= 9:
        return Mood.PROMOTER
    return Mood.PASSIVE if score >= 7 else Mood.DETRACTOR


def is_score(number: object) -> bool:
    """Tell whether it is a whole number from 0 to 10."""
    return type(number) is int and 0 <= number <= BEST


@dataclass(frozen=True)
class SurveyNumbers:
    """The answers to a question.

    Args:
        promoters: answers of 9 and 10.
        passives: of 7 and 8.
        detractors: of 0 to 6.
        comments: answers with a comment.
    """

    promoters: int = 0
    passives: int = 0
    detractors: int = 0
    comments: int = 0

    @property
    def answers(self) -> int:
        """The number of answers."""
        return self.promoters + self.passives + self.detractors

    @property
    def net(self) -> int | None:
        """The share of promoters less that of detractors, in per cent; None without an answer."""
        if not self.answers:
            return None
        return round(100 * (self.promoters - self.detractors) / self.answers)

    def __str__(self) -> str:
        """Return one line: ``12 answers: 6 of 9 or 10, 3 of 7 or 8, 3 of 0 to 6; net +25``."""
        if self.net is None:
            return "no answer"
        word = "answer" if self.answers == 1 else "answers"
        return (
            f"{self.answers:,} {word}: {self.promoters:,} of 9 or 10, {self.passives:,} of 7 or 8, "
            f"{self.detractors:,} of 0 to 6; net {self.net:+}, {self.comments:,} with a comment"
        )
