"""Check the names of variables: one that begins with ``SOJOURN_`` but is never read is a mistake.

A misspelt setting would be silently ignored: mail would go to the outbox, or data into another
database. So every start checks the names first.
"""

import inspect
import sys
import tomllib
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic_settings import BaseSettings

from sojourn.channels.registry import Carriers
from sojourn.domain.errors import BadSetting
from sojourn.settings import Settings

PREFIX = "SOJOURN_"
PROJECT = "SOJOURN_PROJECT"
NEAR = 0.6
"""The least similarity of a suggested name, without the prefix."""
RENAMED: Mapping[str, str] = {}
"""Old names and their new names; an entry stays for a year after the change."""


def check_variables(
    environment: Mapping[str, str],
    carriers: Carriers,
    sources: Iterable[str] = (),
    *,
    renamed: Mapping[str, str] = RENAMED,
) -> None:
    """Refuse variables that are never read.

    Args:
        environment: the environment of the process.
        carriers: the project's providers, each of which reads its own settings.
        sources: the names of the project's own sources of webhooks.
        renamed: old names of variables and their new names.

    Raises:
        BadSetting: a variable is never read; the message names each, and the nearest known name.
    """
    given = {name.upper(): name for name in environment if name.upper().startswith(PREFIX)}
    left = given.keys() - _installation() - {PROJECT}
    if not left:
        return  # usually the providers need not be loaded
    known, prefixes = _of_providers(carriers)
    prefixes |= {_prefix(name) for name in (*sources, *_listed(environment, "SOJOURN_SOURCES"))}
    left -= known | _of_mappings(environment)
    unknown = sorted(name for name in left if not name.startswith(tuple(prefixes)))
    if unknown:
        every = sorted({*known, *_installation(), PROJECT})
        raise BadSetting("; ".join(_fault(given[name], name, every, renamed) for name in unknown))


def names_of(provider: type[Any]) -> set[str] | None:
    """Return the variables that a provider reads.

    Args:
        provider: the class of the provider.

    Returns:
            The names; None if its module has no class of settings, so that they are unknown.
    """
    configs = [
        config
        for cls in inspect.getmro(provider)
        if cls.__module__ in sys.modules
        for config in vars(sys.modules[cls.__module__]).values()
        if isinstance(config, type)
        and issubclass(config, BaseSettings)
        and config.model_config.get("env_prefix", "").upper().startswith(PREFIX)
        and config is not Settings
    ]
    if not configs:
        return None
    return {
        f"{config.model_config.get('env_prefix', '')}{field}".upper()
        for config in configs
        for field in config.model_fields
    }


def _installation() -> set[str]:
    return {f"{PREFIX}{field.upper()}" for field in Settings.model_fields}


def _of_providers(carriers: Carriers) -> tuple[set[str], set[str]]:
    """Return the variables of the providers, or their prefixes if the variables are unknown."""
    known: set[str] = set()
    prefixes: set[str] = {_prefix(name) for name in carriers.distributed}
    for name, provider in carriers.loaded.items():
        found = names_of(provider)
        if found is not None:
            known |= found
        elif name not in carriers.shipped:
            prefixes.add(_prefix(name))
    return known, prefixes


def _of_mappings(environment: Mapping[str, str]) -> set[str]:
    """Return the variables that mapping files name as their secrets."""
    found: set[str] = set()
    folder = environment.get("SOJOURN_WEBHOOKS", "")
    for path in Path(folder).glob("*.toml") if folder else ():
        try:
            found.add(str(tomllib.loads(path.read_text()).get("secret", "")).upper())
        except (OSError, ValueError):  # the gateway, which reads the file, reports the fault
            continue
    return found


def _listed(environment: Mapping[str, str], name: str) -> list[str]:
    return [one.strip() for one in environment.get(name, "").split(",") if one.strip()]


def _prefix(name: str) -> str:
    return f"{PREFIX}{name.replace('-', '_').upper()}_"


def _fault(written: str, name: str, known: Iterable[str], renamed: Mapping[str, str]) -> str:
    if name in renamed:
        return f"{written} is called {renamed[name]} now: rename it"
    bare = [one.removeprefix(PREFIX) for one in known]
    near = get_close_matches(name.removeprefix(PREFIX), bare, 1, NEAR)
    hint = (
        f", did you mean {PREFIX}{near[0]}?" if near else "; docs/settings.md lists those there are"
    )
    return f"{written}: no such setting{hint}"
