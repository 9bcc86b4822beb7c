"""The examples of a property: few in `make test`, many in `make test-long`, new ones by `explore`.

The first two try the same examples every time, so that a change is judged by what it changed and
not by luck. `make explore` draws others: what it finds becomes an example or a test.

There is no deadline: the time of an example shows how busy the machine is, not whether the code is
right.
"""

from typing import Any

import hypothesis

QUICK, THOROUGH, EXPLORE = "sojourn", "thorough", "explore"

_SAME = hypothesis.settings(deadline=None, derandomize=True, database=None)
hypothesis.settings.register_profile(QUICK, _SAME, max_examples=20)
hypothesis.settings.register_profile(THOROUGH, _SAME, max_examples=200)
hypothesis.settings.register_profile(EXPLORE, deadline=None, max_examples=1000)


def fewer(part: float, **options: Any) -> hypothesis.settings:
    """Return the settings of a property whose examples each need a database or a server.

    Args:
        part: the share of the usual examples.
        options: further settings of hypothesis.
    """
    usual = hypothesis.settings().max_examples
    return hypothesis.settings(max_examples=round(usual * part), **options)
