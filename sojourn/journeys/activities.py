"""`activity`: what a project does in its own world, as its journeys call it."""

import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import lru_cache
from typing import (
    Any,
    Concatenate,
    Generic,
    ParamSpec,
    TypedDict,
    TypeVar,
    Unpack,
    get_type_hints,
    overload,
)

from pydantic import TypeAdapter, ValidationError

from sojourn.domain.calls import Plain, Reply
from sojourn.domain.errors import BadInput

P = ParamSpec("P")
T = TypeVar("T")
C = TypeVar("C")

WITHIN = timedelta(hours=1)
NOTHING: Any = object()
"""No answer in place of a call; None is one."""
SHADOWED = "InShadow"
"""The kind of failure of a call that a run in shadow does not make."""


@dataclass(frozen=True)
class Activity(Generic[P, T]):
    """A function of the project that journeys call by `Journey.call`.

    Args:
        function: takes the context (who asks, the store, the settings) and keyword arguments.
        name: as histories and operators have it.
        deadline: how long a call is retried; after that it has failed.
        timeout: how long one attempt may take.
        effects: it does something in the world; False: it only reads, and runs in shadow call it.
        in_shadow: the answer that a run in shadow gets in place of a call; `NOTHING`: there is
            none, and a call fails as `SHADOWED`.
    """

    function: Callable[..., Awaitable[T]]
    name: str
    deadline: timedelta = WITHIN
    timeout: timedelta = timedelta(seconds=30)
    effects: bool = True
    in_shadow: Any = NOTHING

    @property
    def runs_in_shadow(self) -> bool:
        """True if a journey that calls it can run in shadow."""
        return not self.effects or self.in_shadow is not NOTHING

    def supposed(self) -> Reply:
        """Return what a run in shadow gets in place of a call."""
        if self.in_shadow is NOTHING:
            return Reply(failure=SHADOWED, reason="it has effects, and the run is in shadow")
        return Reply(result=self.written_result(self.in_shadow))

    def within(self, deadline: timedelta) -> "Activity[P, T]":
        """Return the activity with another deadline: ``issue_code.within(days(1))``."""
        return replace(self, deadline=deadline)

    @property
    def returns(self) -> Any:
        """The declared type of its result."""
        return _hints(self.function)["return"]

    @property
    def _parameters(self) -> Mapping[str, TypeAdapter[Any]]:
        return _parameters(self.function)

    @property
    def _result(self) -> TypeAdapter[T]:
        return _result(self.function)

    def written(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Return keyword arguments as JSON values.

        Raises:
            TypeError: one of them is unknown or missing.
        """
        adapters = self._parameters
        _check_names(self.function, tuple(arguments))
        return {name: adapters[name].dump_python(v, mode="json") for name, v in arguments.items()}

    def read(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Return keyword arguments that `written` gave, typed.

        Raises:
            BadInput: one of them is not what the function takes.
        """
        try:
            return {
                name: self._parameters[name].validate_python(v) for name, v in arguments.items()
            }
        except (KeyError, ValidationError) as error:
            raise BadInput(f"{self.name}: {type(error).__name__} in its arguments") from None

    def written_result(self, result: T) -> Any:
        """Return a result as a JSON value."""
        return self._result.dump_python(result, mode="json")

    def read_result(self, value: Any) -> T:
        """Return a result that `written_result` gave, typed."""
        return self._result.validate_python(value)


class Options(TypedDict, total=False):
    """The keywords of `activity`."""

    deadline: timedelta
    timeout: timedelta
    effects: bool
    in_shadow: Any


@overload
def activity(
    function: Callable[Concatenate[C, P], Awaitable[T]],
) -> Activity[P, T]: ...
@overload
def activity(
    **options: Unpack[Options],
) -> Callable[[Callable[Concatenate[C, P], Awaitable[T]]], Activity[P, T]]: ...
def activity(
    function: Callable[..., Awaitable[Any]] | None = None,
    *,
    deadline: timedelta = WITHIN,
    timeout: timedelta = timedelta(seconds=30),
    effects: bool = True,
    in_shadow: Any = NOTHING,
) -> Any:
    """Make a function an activity that journeys call.

    ::

        @activity(deadline=days(1))
        async def issue_code(context: Context, percent: int) -> OfferCode: ...

    Its name is the function's. It may run more than once: `Context.idempotency_key` is the same
    each time.

    Args:
        function: asynchronous; its first parameter is the context.
        deadline: how long a call is retried, unless `Activity.within` says otherwise.
        timeout: how long one attempt may take.
        effects: False for one that only reads: a run in shadow (docs/shadow.md) calls it, too.
        in_shadow: what a run in shadow gets in place of a call: ``OfferCode(code="SHADOW10")``.

    Returns:
        The activity.

    Raises:
        TypeError: the function is not asynchronous, has no context, or does not declare a result
            that is free of personal data; or ``in_shadow`` is no such result.
    """

    def made(function: Callable[..., Awaitable[Any]]) -> Activity[..., Any]:
        _check(function)
        one: Activity[..., Any] = Activity(
            function, function.__name__, deadline, timeout, effects, in_shadow
        )
        _check_supposed(one)
        return one

    return made if function is None else made(function)


# within() makes another activity of the same function, so these are the function's


@lru_cache(maxsize=256)
def _signature(function: Callable[..., Any]) -> inspect.Signature:
    return inspect.signature(function)


@lru_cache(maxsize=256)
def _hints(function: Callable[..., Any]) -> Mapping[str, Any]:
    return get_type_hints(function)


@lru_cache(maxsize=256)
def _parameters(function: Callable[..., Any]) -> Mapping[str, TypeAdapter[Any]]:
    hints, names = _hints(function), list(_signature(function).parameters)[1:]
    return {name: TypeAdapter(hints[name]) for name in names}


@lru_cache(maxsize=1024)
def _check_names(function: Callable[..., Any], given: tuple[str, ...]) -> None:
    """Check that a function takes arguments of these names, once: runs give the same few.

    Raises:
        TypeError: one of them is unknown or missing.
    """
    _signature(function).bind(None, **dict.fromkeys(given))


@lru_cache(maxsize=256)
def _result(function: Callable[..., Any]) -> TypeAdapter[Any]:
    return TypeAdapter(_hints(function)["return"])


def _check(function: Callable[..., Awaitable[Any]]) -> None:
    name = function.__name__
    if not inspect.iscoroutinefunction(function):
        raise TypeError(f"{name}: an activity is asynchronous: async def {name}(context, ...)")
    if not inspect.signature(function).parameters:
        raise TypeError(f"{name}: an activity takes the context first")
    returns = get_type_hints(function).get("return", inspect.Parameter.empty)
    if not _is_plain(returns):
        raise TypeError(
            f"{name}: a history keeps what an activity returns: declare it as a class on "
            "sojourn.NonPersonal, or as a number, a truth value, a moment or an enum"
        )


def _check_supposed(one: Activity[..., Any]) -> None:
    """Check what a run in shadow gets.

    Raises:
        TypeError: the activity does not answer so.
    """
    if one.in_shadow is NOTHING:
        return
    if not one.effects:
        raise TypeError(f"{one.name}: it only reads, and is called: leave out in_shadow=")
    try:
        TypeAdapter(one.returns).validate_python(one.in_shadow, strict=True)
    except ValidationError:
        raise TypeError(
            f"{one.name}: in_shadow={one.in_shadow!r} is not what it declares to return"
        ) from None


def _is_plain(returns: Any) -> bool:
    parts = getattr(returns, "__args__", None) or (returns,)
    plain = tuple(part for part in Plain.__args__)
    return all(isinstance(part, type) and issubclass(part, plain) for part in parts)
