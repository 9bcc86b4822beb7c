"""The ways out of a journey's steps."""

from sojourn.domain.messages import Heard, Outcome


class Leave(BaseException):
    """Ends the steps, or begins them again.

    Not an `Exception`, so that a journey's own ``except Exception`` cannot swallow a purchase.
    """


class End(Leave):
    """Ends the run.

    Args:
        outcome: how it ended.
        closing: the event that ended it; None if no event did.
    """

    def __init__(self, outcome: Outcome, closing: Heard | None = None) -> None:
        self.outcome = outcome
        self.closing = closing


class Restart(Leave):
    """Begins the steps again."""


class StepsChanged(Exception):
    """The steps were changed under a run that has continued as new.

    The run is stuck, as one whose history does not replay, until the steps are changed back.
    """
