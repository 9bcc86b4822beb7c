"""JSON as its standard defines it: Python's own reader also takes NaN and doubled names."""

import json
from typing import Any, NoReturn

from sojourn.domain.errors import BadEvent


class _NotANumber(ValueError):
    """A constant that Python reads and the standard does not know."""


def no_constant(name: str) -> NoReturn:
    """Refuse NaN and the infinities: a ``parse_constant`` for `json.loads`.

    Raises:
        ValueError: always.
    """
    raise _NotANumber(f"{name} is not JSON")


def read_json(
    text: bytes, *, path: str = "body", unique: bool = False, constants: bool = False
) -> Any:
    """Read one JSON value.

    Args:
        text: UTF-8, with or without a byte order mark.
        path: names the text in faults.
        unique: refuse an object that has a name twice: two readers would read it differently.
        constants: read NaN and the infinities, which Python and others write. The caller leaves
            them out, and loses nothing else.

    Returns:
        The value, made of Python's own types.

    Raises:
        BadEvent: it is not JSON; the reason says where it stops being JSON.
    """
    try:
        return json.loads(
            text.decode("utf-8-sig"),
            parse_constant=float if constants else no_constant,
            object_pairs_hook=_unique if unique else None,
        )
    except UnicodeDecodeError as error:
        raise BadEvent(path, f"is not UTF-8 at byte {error.start}") from None
    except json.JSONDecodeError as error:
        fault = error.msg[:1].lower() + error.msg[1:]
        raise BadEvent(path, f"is not JSON at character {error.pos}: {fault}") from None
    except _NotANumber as error:
        raise BadEvent(path, f"is not JSON: {error}") from None
    except ValueError:  # Python reads no number of more than 4300 digits
        raise BadEvent(path, "has a number of too many digits") from None
    except RecursionError:
        raise BadEvent(path, "is nested too deeply") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise BadEvent(name[:100], "is there twice")
        found[name] = value
    return found
