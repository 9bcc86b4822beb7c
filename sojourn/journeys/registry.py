"""Every journey there is: the classes in the modules of this package, found by their presence."""

import importlib
import pkgutil
from functools import lru_cache
from types import MappingProxyType

from temporalio import workflow

import workflows
from sojourn.domain.errors import UnknownName
from sojourn.journeys.journey import Journey


@lru_cache(maxsize=1)
def journeys() -> MappingProxyType[str, type[Journey]]:
    """All journeys by name.

    Raises:
        TypeError: two of them have the same name.
    """
    found: dict[str, type[Journey]] = {}
    for module in pkgutil.iter_modules(workflows.__path__):
        for item in vars(importlib.import_module(f"workflows.{module.name}")).values():
            if not (isinstance(item, type) and issubclass(item, Journey) and item is not Journey):
                continue
            name = journey_name(item)
            if found.setdefault(name, item) is not item:
                raise TypeError(f'two journeys are called "{name}": {found[name]} and {item}')
    return MappingProxyType(dict(sorted(found.items())))


def journey_named(name: str) -> type[Journey]:
    """The journey called ``name``.

    Raises:
        UnknownName: there is none; the message offers the nearest.
    """
    try:
        return journeys()[name]
    except KeyError:
        raise UnknownName("journey", name, journeys()) from None


def journey_name(journey: type[Journey]) -> str:
    """The name in its ``@workflow.defn(name=...)``.

    Raises:
        TypeError: the decorator is missing, or has no name.
    """
    # temporalio keeps the decorator's name on the class and offers no public way to read it
    definition = workflow._Definition.from_class(journey)  # noqa: SLF001
    if definition is None or definition.name is None or definition.name == journey.__name__:
        raise TypeError(f'{journey.__name__} needs @workflow.defn(name="its-name")')
    return definition.name
