"""The name of a project, as package indexes spell it."""

import re

from sojourn.domain.errors import BadInput

_SEPARATORS = re.compile(r"[-_.\s]+")
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*", re.ASCII)
_OURS = "sojourn"


def distribution_name(given: str) -> str:
    """Return a folder's name as the name of a distribution: ``acme-shop`` for ``Acme Shop``.

    https://packaging.python.org/en/latest/specifications/name-normalization/ has the rules.

    Raises:
        BadInput: it cannot be converted, or the result is Sojourn's own name.
    """
    name = _SEPARATORS.sub("-", given).strip("-").lower()
    if not _NAME.fullmatch(name):
        raise BadInput(
            f'"{given}" cannot be the name of a project: use the letters a to z, digits, hyphens'
        )
    if name == _OURS:
        raise BadInput(f'a project that depends on {_OURS} cannot be called "{given}": rename it')
    return name
