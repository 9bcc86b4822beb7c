"""`Published`: the answer to the publisher of an event."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from sojourn.domain.messages import Answer
from sojourn.domain.notes import Note


@dataclass(frozen=True)
class Published:
    """The fate of a published event.

    Args:
        message_id: the event's id.
        stored: False if the same id was stored before; then nothing new happened.
        runs: the runs that were started or told, by workflow id.
        effects: what the event did to them, if the caller asked; None for a run that did not answer
            in time: it has the event, or will have it.
        notes: what of the event was left out, and what else its sender should know.
    """

    message_id: str
    stored: bool
    runs: tuple[str, ...] = ()
    effects: Mapping[str, Answer | None] = field(default_factory=dict)
    notes: tuple[Note, ...] = ()


def joined(told: Sequence[Published]) -> Published:
    """Return one answer for an event and its copies for other ids of the same person.

    Args:
        told: the event's own answer first.

    Returns:
        The event's answer, with the runs of all.
    """
    first, *others = told
    if not others:
        return first
    return replace(
        first,
        runs=tuple(dict.fromkeys(run for one in told for run in one.runs)),
        effects={run: effect for one in told for run, effect in one.effects.items()},
    )
