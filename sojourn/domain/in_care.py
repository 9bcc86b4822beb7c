"""`InCare`: somebody looks after a customer, and nothing promotional leaves meanwhile."""

from dataclasses import dataclass

from sojourn.domain.until import Until


@dataclass(frozen=True)
class InCare(Until):
    """A customer is in the care of a journey that mutes, or of a person.

    Args:
        by: the journey's name.
    """

    by: str = ""

    @property
    def words(self) -> str:
        """The words for what holds."""
        return f"in care of {self.by}" if self.by else "in care"
