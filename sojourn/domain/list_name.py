"""Names of lists and of audiences: small letters, digits and hyphens, as in a command line."""

import re

LONGEST = 100
_NAME = re.compile(r"[a-z\d]+(-[a-z\d]+)*", re.ASCII)


def is_list_name(name: str) -> bool:
    """Tell whether a text can name a list or an audience: ``trade-fair``."""
    return len(name) <= LONGEST and _NAME.fullmatch(name) is not None
