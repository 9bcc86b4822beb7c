"""`Carriers`: the providers that a project can choose from, found by their files and names."""

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType, ModuleType
from typing import Any

from sojourn import channels
from sojourn.channels.provider import Provider, Providers
from sojourn.domain.errors import BadProject, BadSetting, SameName, UnknownName
from sojourn.domain.messages import Channel
from sojourn.settings import Settings

ENTRY_POINTS = "sojourn.providers"


class Carriers:
    """Provider classes by name: the engine's, the project's, and those in other distributions.

    Those in other distributions are loaded only when they are chosen.

    Args:
        modules: modules of the project, each of which may have a provider.

    Raises:
        SameName: two providers have the same name.
    """

    def __init__(self, modules: Iterable[ModuleType] = ()) -> None:
        self._own = MappingProxyType(_by_name(modules))
        self._others: Mapping[str, EntryPoint] = {
            point.name: point for point in entry_points(group=ENTRY_POINTS)
        }
        self._shipped: Mapping[str, type[Any]] | None = None

    def named(self, name: str) -> type[Any]:
        """Return the class of a provider.

        Raises:
            UnknownName: there is no such provider; the message suggests the nearest name.
            BadProject: a provider in another distribution cannot be loaded.
        """
        if name in self._own:
            return self._own[name]
        if name in self.shipped:
            return self.shipped[name]
        if name in self._others:
            return _loaded(self._others[name])
        raise UnknownName("provider", name, self.names)

    @property
    def names(self) -> list[str]:
        """The names of all providers, sorted."""
        return sorted({*self._own, *self.shipped, *self._others})

    @property
    def shipped(self) -> Mapping[str, type[Any]]:
        """The engine's own providers."""
        if self._shipped is None:
            prefix = f"{channels.__name__}."
            found = pkgutil.iter_modules(channels.__path__, prefix)
            self._shipped = MappingProxyType(
                _by_name(importlib.import_module(module.name) for module in found)
            )
            for name, cls in self._own.items():
                if name in self._shipped:
                    raise SameName("provider", name, self._shipped[name], cls)
        return self._shipped

    @property
    def loaded(self) -> Mapping[str, type[Any]]:
        """The engine's own providers and the project's."""
        return {**self.shipped, **self._own}

    @property
    def distributed(self) -> list[str]:
        """The names of the providers in other distributions, which are not loaded for this."""
        return sorted(self._others)

    def of_channel(self, channel: Channel) -> list[str]:
        """Return the sorted names of the loaded providers that can carry a channel."""
        return sorted(name for name, cls in self.loaded.items() if channel in cls.channels)

    def chosen(self, settings: Settings, by: Iterable[Channel] = tuple(Channel)) -> Providers:
        """Create the providers that the settings choose.

        Args:
            settings: the settings of the installation.
            by: the wanted channels.

        Returns:
            Each channel's provider; a provider for two channels is created once.

        Raises:
            BadSetting: a channel has no such provider, or it lacks its credentials.
        """
        made: dict[str, Provider] = {}
        carriers: dict[Channel, Provider] = {}
        for channel in by:
            name: str = getattr(settings, f"{channel}_provider")
            if name not in made:
                made[name] = self._carrier(name, channel)(settings)
            carriers[channel] = made[name]
        return carriers

    def _carrier(self, name: str, channel: Channel) -> Callable[[Settings], Provider]:
        try:
            cls = self.named(name)
        except UnknownName:
            cls = None
        if cls is None or channel not in cls.channels:
            there = [*self.of_channel(channel), *self._others]
            raise BadSetting(
                f"SOJOURN_{channel.upper()}_PROVIDER={name}: there is no such provider "
                f"of {channel}. Choose one of: {', '.join(there)}"
            )
        made: Callable[[Settings], Provider] = cls
        return made


def _by_name(modules: Iterable[ModuleType]) -> dict[str, type[Any]]:
    found: dict[str, type[Any]] = {}
    for module in modules:
        for _, cls in inspect.getmembers(module, inspect.isclass):
            name = getattr(cls, "name", None)
            if cls.__module__ != module.__name__ or not isinstance(name, str):
                continue
            if not isinstance(getattr(cls, "channels", None), frozenset):
                continue  # it has a name, but carries nothing
            if found.setdefault(name, cls) is not cls:
                raise SameName("provider", name, found[name], cls)
    return found


def _loaded(point: EntryPoint) -> type[Any]:
    try:
        cls = point.load()
    except Exception as error:
        raise BadProject(
            f'the provider "{point.name}" of {point.value} cannot be loaded: {error}'
        ) from error
    assert isinstance(cls, type)
    return cls
