"""Find the fakes in this package."""

import importlib
import inspect
import pkgutil
from collections.abc import Iterator

import sojourn.testkit.fakes
from sojourn.testkit.fakes import Fake


def fakes() -> list[type[Fake]]:
    """Return every fake provider's class, sorted by name."""
    return sorted(_found(), key=lambda fake: fake.name)


def _found() -> Iterator[type[Fake]]:
    for module in pkgutil.iter_modules(sojourn.testkit.fakes.__path__, "sojourn.testkit.fakes."):
        if module.name.endswith(".__main__"):  # a program
            continue
        for _, cls in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
            if (
                issubclass(cls, Fake)
                and cls.__module__ == module.name
                and not inspect.isabstract(cls)
            ):
                yield cls
