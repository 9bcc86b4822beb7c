"""JMESPath (https://jmespath.org/) over bodies from outside.

An expression is checked when its file is read, as far as that is possible without a body.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import jmespath
from jmespath.exceptions import JMESPathError
from jmespath.parser import ParsedResult
from pydantic import BeforeValidator

from sojourn.domain.errors import BadEvent, UnknownName
from sojourn.gateway.webhooks.mapping.functions import MappingFunctions

LONGEST_EXPRESSION = 1000
"""The most characters of an expression."""
_FUNCTIONS: Mapping[str, Any] = MappingFunctions.FUNCTION_TABLE
_OPTIONS = jmespath.Options(custom_functions=MappingFunctions())


@dataclass(frozen=True)
class Expression:
    """A valid JMESPath expression that can be evaluated over any JSON."""

    text: str
    parsed: ParsedResult

    def of(self, body: Any, path: str) -> Any:
        """Evaluate the expression; None if it finds nothing.

        Raises:
            BadEvent: it does not fit this body. The body comes from outside, so any error of the
                library is the sender's fault, not ours.
        """
        try:
            return self.parsed.search(body, options=_OPTIONS)
        except (
            JMESPathError,
            ArithmeticError,
            AttributeError,
            LookupError,
            RecursionError,
            TypeError,
            ValueError,
        ) as error:
            raise BadEvent(
                path, f"{self.text} does not fit the body: {first_line(error)}"
            ) from None


def _expression(value: object) -> object:
    if not isinstance(value, str):
        raise ValueError("must be a JMESPath expression, in quotes")
    if len(value) > LONGEST_EXPRESSION:
        raise ValueError(f"is longer than {LONGEST_EXPRESSION} characters")
    try:
        parsed = jmespath.compile(value)
    except (JMESPathError, RecursionError, ValueError) as error:
        raise ValueError(f"{value} is not a JMESPath expression: {first_line(error)}") from None
    for node in _nodes(parsed.parsed):
        _check_function(node)
    return Expression(value, parsed)


def _nodes(node: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield node
    for child in node.get("children", ()):
        if isinstance(child, Mapping):
            yield from _nodes(child)


def _check_function(node: Mapping[str, Any]) -> None:
    """Check that a function exists and gets the right number of arguments; the parser does not."""
    if node["type"] != "function_expression":
        return
    name, given = node["value"], len(node["children"])
    if name not in _FUNCTIONS:
        raise ValueError(str(UnknownName("JMESPath function", name, _FUNCTIONS)))
    signature = _FUNCTIONS[name]["signature"]
    takes = len(signature)
    if given < takes or (given > takes and not (signature and signature[-1].get("variadic"))):
        raise ValueError(f"{name}() takes {takes} arguments, not {given}")


def first_line(error: Exception) -> str:
    """Return the first line of an error's text, or its name if it has no text."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


Query = Annotated[Expression, BeforeValidator(_expression)]
"""A field of a mapping file that holds an expression."""
