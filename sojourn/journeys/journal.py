"""`Journal`: the results of a run's verbs, so that its steps can be taken up in the middle."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

from pydantic import BaseModel

from sojourn.domain.messages import Performed
from sojourn.journeys.leaving import StepsChanged


class Done(NamedTuple):
    """The outcome of a verb, for as long as the run goes on that performed it.

    Args:
        due: the plan's moment after it; None before the first wait.
        missed: that moment was past before its wait began.
        value: what the verb gave back, as it was told; it is put into JSON values (`Performed`)
            once the run continues as new.
    """

    due: datetime | None = None
    missed: bool = False
    value: Any = None


NOTHING = Done()
"""It stands before the first result."""


class Journal:
    """The results of the verbs since the steps last began, in order.

    A run that continues as new runs the same lines again, and each verb takes its result from here
    until the journal is used up.

    Attributes:
        plan: the latest entry; its ``due`` is the plan's moment.
    """

    def __init__(self) -> None:
        self._entries: list[Done] = []
        self._verbs: list[str] = []  # of the entries
        self._position = 0
        self.plan = NOTHING

    @property
    def entries(self) -> tuple[Performed, ...]:
        """All entries, oldest first, as the next execution takes them: in JSON values."""
        return tuple(map(_written, self._verbs, self._entries))

    @property
    def is_blank(self) -> bool:
        """True if no verb has a result: the steps have come to their first one."""
        return not self._entries

    @property
    def is_used_up(self) -> bool:
        """True if the next verb has no result yet."""
        return self._position == len(self._entries)

    def resume(self, entries: Iterable[Performed]) -> None:
        """Begin with the entries of the run's former execution."""
        told = list(entries)
        self._entries = [Done(entry.due, entry.missed, entry.value) for entry in told]
        self._verbs = [entry.verb for entry in told]
        self._position = 0

    def clear(self) -> None:
        """Forget everything: the steps begin again."""
        self._entries.clear()
        self._verbs.clear()
        self._position = 0
        self.plan = NOTHING

    def put(self, verb: str, done: Done) -> Done:
        """Append the result of a verb that has just been performed: the steps go on behind it.

        Args:
            verb: which it was.
            done: its result.

        Returns:
            The result.
        """
        self._entries.append(done)
        self._verbs.append(verb)
        self._position += 1
        return done

    def comes_to(self, verb: str) -> bool:
        """Tell whether the next entry is this verb's."""
        return not self.is_used_up and self._verbs[self._position] == verb

    def next(self, verb: str) -> Done:
        """Return the next entry, which must be this verb's.

        Raises:
            StepsChanged: it is another verb's.
        """
        has = self._verbs[self._position]
        if has not in ("", verb):  # entries were once written without their verb
            raise StepsChanged(
                f'the steps come to "{verb}" where this run has done "{has}": '
                "put a change of steps into `if self.patched(...)`"
            )
        self._position += 1
        return self._entries[self._position - 1]

    def times(self, verb: str) -> int:
        """Return how often a verb has been performed since the steps last began."""
        return self._verbs.count(verb)

    def fell_due(self, moment: datetime) -> None:
        """Correct the plan's moment: its wait had begun by another plan, and ended then."""
        self.plan = self.plan._replace(due=moment, missed=False)
        if self._entries:
            self._entries[-1] = self.plan


def _written(verb: str, entry: Done) -> Performed:
    """Return an entry as the next execution takes it."""
    value = entry.value
    if isinstance(value, BaseModel):
        value = value.model_dump(mode="json", exclude_none=True)
    return Performed(verb=verb, due=entry.due, missed=entry.missed, value=value)
