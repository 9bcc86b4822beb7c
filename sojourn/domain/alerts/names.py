"""Names that may stand in an alert, in a log and in a metric."""

import re

_PLAIN = re.compile(r"(?!.*\d{5})[A-Za-z][A-Za-z0-9 _.:-]{0,59}", re.ASCII)


def is_plain(name: str) -> bool:
    """Tell whether a name that a sender gave an event is one, and no address or number of a person.

    Args:
        name: as it was sent.
    """
    return _PLAIN.fullmatch(name) is not None
