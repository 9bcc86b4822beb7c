"""The precedence of a policy, compared with the journeys of the project."""

from collections.abc import Iterable
from difflib import get_close_matches

from sojourn.domain.precedence import Precedence
from sojourn.journeys.journey import Journey


def named_in_vain(precedence: Precedence, journeys: Iterable[type[Journey]]) -> str:
    """Return the entry of a precedence that names nothing, in one line; empty if each does.

    Args:
        precedence: of the project's policy.
        journeys: of the project.
    """
    messages = [(one.name, message.step) for one in journeys for message in one.messages]
    unknown = precedence.unknown(messages)
    if not unknown:
        return ""
    known = {name for journey, step in messages for name in (journey, f"{journey}/{step}")}
    near = get_close_matches(unknown[0], sorted(known), 1)
    hint = f'did you mean "{near[0]}"?' if near else "correct it or take it back"
    return f'precedence: order: there is no journey and no message "{unknown[0]}": {hint}'
