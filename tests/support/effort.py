"""How hard a property is tried: a little by `make test`, much by `make test-long`.

How long an example takes says how busy the machine is, not whether the code is right: there is no
deadline.
"""

from typing import Any

import hypothesis

QUICK, THOROUGH = "sojourn", "thorough"

hypothesis.settings.register_profile(QUICK, deadline=None, max_examples=30)
hypothesis.settings.register_profile(THOROUGH, deadline=None, max_examples=200)


def fewer(part: float, **options: Any) -> hypothesis.settings:
    """The settings of a property whose every example costs a database's or a server's time.

    Args:
        part: of the examples that others get.
        options: as hypothesis has them.
    """
    usual = hypothesis.settings().max_examples
    return hypothesis.settings(max_examples=round(usual * part), **options)
