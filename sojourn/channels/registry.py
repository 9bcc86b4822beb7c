"""The providers there are: every file of this folder that has a class with a provider's members."""

import importlib
import inspect
import pkgutil
from collections.abc import Iterable, Mapping
from functools import cache
from types import MappingProxyType
from typing import Any

from sojourn import channels
from sojourn.channels.provider import Provider, Providers
from sojourn.domain.errors import BadSetting
from sojourn.domain.messages import Channel
from sojourn.settings import Settings


@cache
def known() -> Mapping[str, type[Any]]:
    """The providers' classes by name."""
    found = {}
    for module in pkgutil.iter_modules(channels.__path__, "sojourn.channels."):
        for _, cls in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
            name = getattr(cls, "name", None)
            if cls.__module__ == module.name and isinstance(name, str):
                found[name] = cls
    return MappingProxyType(found)


def of_channel(channel: Channel) -> list[str]:
    """Who can carry a channel."""
    return sorted(name for name, cls in known().items() if channel in cls.channels)


def chosen(settings: Settings, channels: Iterable[Channel] = tuple(Channel)) -> Providers:
    """Who carries which of these channels; a provider that carries two is there once.

    Raises:
        BadSetting: no such provider, or it lacks its credentials.
    """
    made: dict[str, Provider] = {}
    carriers: dict[Channel, Provider] = {}
    for channel in channels:
        name: str = getattr(settings, f"{channel}_provider")
        if name not in of_channel(channel):
            raise BadSetting(
                f"SOJOURN_{channel.upper()}_PROVIDER={name}: no such provider of {channel}; "
                f"there is {', '.join(of_channel(channel))}"
            )
        if name not in made:
            made[name] = known()[name](settings)
        carriers[channel] = made[name]
    return carriers
