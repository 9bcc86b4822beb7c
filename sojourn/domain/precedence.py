"""`Precedence`: which of several messages goes first where a cap has room for one."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Precedence:
    """The table ``[precedence]`` of a project's ``policy.toml``.

    Args:
        order: journeys (``renewal``) and single messages (``renewal/in-two-days``), in the order in
            which they go. All others come after them, and are equals.
    """

    order: tuple[str, ...] = ()

    def rank(self, journey: str, step: str) -> int:
        """Return the place of a message: the lower goes first.

        The place of the message itself counts before that of its journey.
        """
        for name in (f"{journey}/{step}", journey):
            if name in self.order:
                return self.order.index(name)
        return len(self.order)

    def unknown(self, messages: Iterable[tuple[str, str]]) -> list[str]:
        """Return the names of ``order`` that a project does not have.

        Args:
            messages: every journey of the project with each of its steps.
        """
        pairs = list(messages)
        known = {journey for journey, _ in pairs} | {f"{one}/{step}" for one, step in pairs}
        return [name for name in self.order if name not in known]


NO_PRECEDENCE = Precedence()
