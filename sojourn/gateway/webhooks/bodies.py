"""Bodies of webhooks: JSON from outside, read once its signature is verified."""

from typing import Any

from sojourn.domain import strict_json
from sojourn.domain.storable import check_storable


def read_json(body: bytes) -> Any:
    """Read the JSON of a webhook's body.

    Raises:
        BadEvent: it is not JSON, or holds a value that cannot be stored.
    """
    value = strict_json.read_json(body)
    check_storable({"body": value})
    return value
