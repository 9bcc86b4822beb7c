"""Sources that are programs: the project's own, and distributed ones.

A source of the project is a class in its ``sources/`` folder. A distributed one is an entry point
of ``sojourn.sources``, and is loaded only if ``SOJOURN_SOURCES`` names it.
"""

from collections.abc import Iterable, Mapping
from importlib.metadata import entry_points
from typing import Any

from sojourn.domain.errors import BadProject, BadSetting, SameName, UnknownName
from sojourn.gateway.webhooks.source import Source
from sojourn.settings import Settings

ENTRY_POINTS = "sojourn.sources"


def programs(
    own: Mapping[str, type[Any]], others: Iterable[str], settings: Settings
) -> dict[str, Source]:
    """Build the sources that are programs.

    Args:
        own: the project's classes by name; each takes the settings.
        others: names of distributed sources to load.
        settings: the settings of the installation.

    Returns:
        The sources by name.

    Raises:
        BadSetting: no installed package has a source of this name.
        BadProject: a distributed source cannot be loaded.
        SameName: it has the name of one of the project's sources.
    """
    classes = dict(own)
    installed = {point.name: point for point in entry_points(group=ENTRY_POINTS)}
    for name in others:
        if name not in installed:
            raise BadSetting(f"SOJOURN_SOURCES: {UnknownName('source', name, installed)}")
        try:
            found = installed[name].load()
        except Exception as error:
            raise BadProject(
                f'the source "{name}" of {installed[name].value} cannot be loaded: {error}'
            ) from error
        if name in classes:
            raise SameName("source", name, classes[name], found)
        classes[name] = found
    return {name: cls(settings) for name, cls in classes.items()}
