"""The number of examples for a property: few in `make test`, many in `make test-long`.

There is no deadline: the time of an example shows how busy the machine is, not whether the code is
right.
"""

from typing import Any

import hypothesis

QUICK, THOROUGH = "sojourn", "thorough"

hypothesis.settings.register_profile(QUICK, deadline=None, max_examples=20)
hypothesis.settings.register_profile(THOROUGH, deadline=None, max_examples=200)


def fewer(part: float, **options: Any) -> hypothesis.settings:
    """Return the settings of a property whose examples each need a database or a server.

    Args:
        part: the share of the usual examples.
        options: further settings of hypothesis.
    """
    usual = hypothesis.settings().max_examples
    return hypothesis.settings(max_examples=round(usual * part), **options)
