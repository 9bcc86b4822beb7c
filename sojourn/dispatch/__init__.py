"""An event's way in: store it, find the runs that hear it, signal or start them.

`Sojourn` is the Python client for services.
"""

from sojourn.dispatch.client import Sojourn
from sojourn.dispatch.published import Published

__all__ = ["Published", "Sojourn"]
