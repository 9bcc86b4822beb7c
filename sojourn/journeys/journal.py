"""`Journal`: the results of a run's verbs, so that its steps can be taken up in the middle."""

from collections.abc import Iterable
from datetime import datetime

from pydantic import BaseModel

from sojourn.domain.messages import Performed
from sojourn.journeys.leaving import StepsChanged


class Journal:
    """The results of the verbs since the steps last began, in order.

    A run that continues as new runs the same lines again, and each verb takes its result from here
    until the journal is used up.

    Attributes:
        plan: the latest entry; its ``due`` is the plan's moment.
    """

    def __init__(self) -> None:
        self._entries: list[Performed] = []
        self._position = 0
        self.plan = Performed()

    @property
    def entries(self) -> tuple[Performed, ...]:
        """All entries, oldest first, as the next execution takes them: in JSON values."""
        return tuple(map(_written, self._entries))

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
        self._entries = list(entries)
        self._position = 0

    def clear(self) -> None:
        """Forget everything: the steps begin again."""
        self._entries.clear()
        self._position = 0
        self.plan = Performed()

    def add(self, performed: Performed) -> None:
        """Append a result."""
        self._entries.append(performed)

    def comes_to(self, verb: str) -> bool:
        """Tell whether the next entry is this verb's."""
        return not self.is_used_up and self._entries[self._position].verb == verb

    def next(self, verb: str) -> Performed:
        """Return the next entry, which must be this verb's.

        Raises:
            StepsChanged: it is another verb's.
        """
        entry = self._entries[self._position]
        if entry.verb not in ("", verb):  # entries were once written without their verb
            raise StepsChanged(
                f'the steps come to "{verb}" where this run has done "{entry.verb}": '
                "put a change of steps into `if self.patched(...)`"
            )
        self._position += 1
        return entry

    def times(self, verb: str) -> int:
        """Return how often a verb has been performed since the steps last began."""
        return sum(entry.verb == verb for entry in self._entries)

    def fell_due(self, moment: datetime) -> None:
        """Correct the plan's moment: its wait had begun by another plan, and ended then."""
        self.plan = self.plan.model_copy(update={"due": moment, "missed": False})
        if self._entries:
            self._entries[-1] = self.plan

    def due(self, otherwise: datetime) -> datetime:
        """Return the plan's moment: when the last wait ended, had nothing been late.

        Args:
            otherwise: the moment the plan counts from before the first wait.
        """
        return self.plan.due or otherwise


def _written(entry: Performed) -> Performed:
    """Return an entry in JSON values: until it is carried over, it holds what the verb was told."""
    if not isinstance(entry.value, BaseModel):
        return entry
    value = entry.value.model_dump(mode="json", exclude_none=True)
    return entry.model_copy(update={"value": value})
