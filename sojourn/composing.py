"""Find a project, import what it holds, compose it once."""

import importlib
import itertools
import os
import sys
import tomllib
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import cache
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any, TypeGuard, TypeVar

from pydantic import ValidationError

from sojourn.channels.registry import Carriers
from sojourn.channels.variables import PROJECT as VARIABLE
from sojourn.channels.variables import check_variables
from sojourn.domain.audience import Audience, Audiences
from sojourn.domain.campaign import OCCASION, Campaign, Campaigns
from sojourn.domain.coupons import FILE as COUPONS
from sojourn.domain.coupons import Pools, read_pools
from sojourn.domain.errors import BadProject, SameName, SojournError, UnknownName
from sojourn.domain.events import Event, Events, Synonyms, beside, defined_in
from sojourn.domain.facts import writers_of
from sojourn.domain.facts.of_campaigns import campaigns_of
from sojourn.domain.invariants import Invariant
from sojourn.domain.prices import FILE as PRICES
from sojourn.domain.prices import Prices, read_prices
from sojourn.domain.ramp_file import FILE as RAMP
from sojourn.domain.ramp_file import Ramps, read_ramps
from sojourn.domain.recurring import Recurring
from sojourn.domain.topics import FILE as TOPICS
from sojourn.domain.topics import Topics, read_topics
from sojourn.home import keep_private
from sojourn.journeys.activities import Activity
from sojourn.journeys.coupons import check_coupon, check_coupons
from sojourn.journeys.journey import Journey
from sojourn.journeys.registry import Journeys
from sojourn.journeys.shadowing import check_shadow
from sojourn.journeys.topics import check_topic, check_topics
from sojourn.project import POLICY, Declaration, Project
from sojourn.scaffold.shipped import Kind, shipped
from sojourn.settings import Settings, load_settings

Registry = TypeVar("Registry")
T = TypeVar("T")


def load_project(root: Path | None = None) -> Project:
    """Find the project and compose it.

    Args:
        root: its folder. None: ``SOJOURN_PROJECT``, else the nearest folder upwards whose
            ``pyproject.toml`` has ``[tool.sojourn]``, else the working directory.

    Returns:
        The project; the same object for the same folder.

    Raises:
        BadProject: one line that names the file at fault.
    """
    return _composed((root or find_root()).resolve())


def project_settings() -> Settings:
    """Read the settings: the environment, and where it says nothing the project's defaults.

    Raises:
        BadProject: the project cannot be composed.
        BadSetting: a setting makes no sense, or there is none of that name.
    """
    return settings_of(load_project())


def settings_of(project: Project) -> Settings:
    """Read the settings, as `project_settings`, and close the home folder to others.

    Args:
        project: composed already.

    Raises:
        BadSetting: a setting makes no sense, or there is none of that name.
    """
    check_variables(os.environ, project.carriers, project.sources)
    settings = load_settings(project.defaults)
    keep_private(settings.home)
    return settings


def find_root(start: Path | None = None) -> Path:
    """Return the folder of the project.

    Args:
        start: the folder from which to look upwards; None: the working directory.

    Raises:
        BadProject: ``SOJOURN_PROJECT`` names no folder.
    """
    if told := os.environ.get(VARIABLE):
        if not Path(told).is_dir():
            raise BadProject(f"{VARIABLE}={told}: no such folder")
        return Path(told)
    here = (start or Path.cwd()).resolve()
    return next((folder for folder in (here, *here.parents) if _table(folder) is not None), here)


def prices_of(root: Path) -> Prices:
    """Return the prices that a project's ``prices.toml`` names.

    Args:
        root: its folder.

    Raises:
        BadProject: the file cannot be read; the message names the entry at fault.
    """
    return _read(root / PRICES, read_prices, Prices())


@cache
def _composed(root: Path) -> Project:
    declared = _declaration(root)
    topics = _read(root / TOPICS, read_topics, Topics())
    coupons = _read(root / COUPONS, read_pools, Pools())
    prices = prices_of(root)
    ramps = _read(root / RAMP, read_ramps, Ramps())
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))
    sys.meta_path.insert(0, _OwnFolders(_own_folders(root, declared)))
    events = list(_modules(root, declared.events, beside=True))
    journeys = list(_modules(root, declared.journeys))
    activities = list(_modules(root, declared.activities))
    audiences = list(_modules(root, declared.audiences))
    campaigns = list(_modules(root, declared.campaigns))
    carriers = list(_modules(root, declared.channels))
    sources = list(_modules(root, declared.sources))
    invariants = list(_modules(root, declared.invariants))
    classes = list(_journeys(journeys))
    found = [event for module in (*events, *journeys, *activities) for event in defined_in(module)]
    try:
        composed = Journeys(classes, declared.off, declared.shadow)
        check_shadow(composed)
        check_topics(composed.values(), topics)
        check_coupons(composed.values(), coupons)
        asked = Audiences(_made_in(audiences, Audience))
        sent = _campaigns(campaigns, composed, topics, coupons)
        _check_named(asked, composed, sent)
        return Project(
            root=root,
            journeys=composed,
            events=Events(
                [*beside(found, composed.events), *found, *_new(composed.events, found)],
                synonyms=Synonyms(declared.synonyms.events, declared.synonyms.fields),
            ),
            activities=_activities(activities),
            audiences=asked,
            campaigns=sent,
            carriers=Carriers(carriers),
            sources=MappingProxyType(_sources(sources)),
            invariants=tuple(_made_in(invariants, Invariant)),
            templates=tuple(root / place for place in declared.templates),
            policy=_policy(root, declared.policy),
            languages=declared.languages,
            topics=topics,
            coupons=coupons,
            prices=prices,
            ramps=ramps,
            defaults=MappingProxyType(declared.defaults),
            modules=tuple(sorted({m.__name__.partition(".")[0] for m in (*events, *activities)})),
        )
    except SojournError as error:
        raise BadProject(f"{root}: {error}") from None


class _OwnFolders(MetaPathFinder):
    """Finds a project's folders as packages, in the sandbox of journeys as well.

    Python prefers a package with ``__init__.py``, wherever it is installed, to a folder without
    one, although the folder's place comes first.
    """

    def __init__(self, folders: Mapping[str, Path]) -> None:
        self._folders = folders

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the folder of that name, or None."""
        folder = self._folders.get(fullname)
        if folder is None:
            return None
        found = ModuleSpec(fullname, None, is_package=True)
        found.submodule_search_locations = [str(folder)]
        return found


def _own_folders(root: Path, declared: Declaration) -> dict[str, Path]:
    """Return the folders of packages without ``__init__.py``, by the names they are imported by."""
    kinds = (declared.journeys, declared.activities, declared.audiences, declared.events)
    places = itertools.chain(*kinds, declared.channels, declared.sources, declared.invariants)
    folders = {name for place in places for name in Path(place).parts[:1]}
    return {
        name: root / name
        for name in folders
        if (root / name).is_dir() and not (root / name / "__init__.py").exists()
    }


def _new(named: Iterable[type[Event]], found: Sequence[type[Event]]) -> list[type[Event]]:
    """Return the events that journeys name and that are defined somewhere else."""
    return [event for event in named if event not in found]


def _table(folder: Path) -> Mapping[str, Any] | None:
    file = folder / "pyproject.toml"
    if not file.is_file():
        return None
    try:
        tool = tomllib.loads(file.read_text()).get("tool", {})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadProject(f"{file}: {error}") from None
    table: Mapping[str, Any] | None = tool.get("sojourn")
    return table


def _declaration(root: Path) -> Declaration:
    try:
        return Declaration.model_validate(_table(root) or {})
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        name = ".".join(str(part) for part in fault["loc"])
        why = fault["msg"].lower()
        if fault["type"] == "extra_forbidden":
            near = get_close_matches(name, Declaration.model_fields, 1)
            why = f"no such name{f', did you mean {near[0]}?' if near else ''}"
        raise BadProject(f"{root / 'pyproject.toml'}: tool.sojourn.{name}: {why}") from None


def _read(file: Path, read: Callable[[Mapping[str, Any]], Registry], without: Registry) -> Registry:
    """Read a registry of the project.

    Args:
        file: where it is.
        read: makes it from the parsed file.
        without: the registry if there is no such file.

    Returns:
        The registry.
    """
    if not file.is_file():
        return without
    try:
        return read(tomllib.loads(file.read_text()))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, SojournError) as error:
        raise BadProject(f"{file}: {error}") from None


def _modules(root: Path, places: Iterable[str], *, beside: bool = False) -> Iterator[ModuleType]:
    """Import every module of these folders and packages.

    Args:
        root: the project's folder.
        places: ``workflows``, ``src/events.py`` or ``acme_journeys``.
        beside: whether ``events_loyalty.py`` counts beside ``events``.
    """
    for place in places:
        path = root / place
        files = [path.with_suffix(".py")] if path.with_suffix(".py").is_file() else []
        if beside:
            files += sorted(path.parent.glob(f"{path.stem}_*.py"))
        if path.is_dir():
            files += sorted(file for file in path.rglob("*.py") if "__pycache__" not in file.parts)
        for file in files:
            yield _imported(root, file)
        if not files and not path.is_dir() and place not in _usual():
            yield from _package(root, place)


def _policy(root: Path, declared: str) -> Path:
    """Return where the policy is; without the usual file the settings alone hold."""
    file = root / declared
    if declared != POLICY and not file.is_file():
        raise BadProject(f"{root / 'pyproject.toml'}: tool.sojourn.policy: no such file {declared}")
    return file


def _usual() -> set[str]:
    fields = Declaration.model_fields.values()
    return {place for one in fields if isinstance(one.default, tuple) for place in one.default}


def _imported(root: Path, file: Path) -> ModuleType:
    parts = file.relative_to(root).with_suffix("").parts
    name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    module = _import(name, str(file.relative_to(root)))
    if Path(module.__file__ or "").resolve() != file.resolve():
        raise BadProject(
            f"{file}: the module {name} is {module.__file__} already; rename the folder, and "
            "name it in [tool.sojourn] of pyproject.toml"
        )
    return module


def _package(root: Path, name: str) -> Iterator[ModuleType]:
    module = _import(name, f"{root / 'pyproject.toml'}: tool.sojourn: {name}")
    yield module
    for folder in getattr(module, "__path__", ()):
        for file in sorted(Path(folder).rglob("*.py")):
            parts = file.relative_to(folder).with_suffix("").parts
            if parts[-1] != "__init__":
                yield _import(".".join([name, *parts]), str(file))


def _import(name: str, place: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except BadProject:
        raise
    except (Exception, SystemExit) as error:
        raise BadProject(f"{place}{_line(error, place)}: {_fault(error, place)}") from error


def _line(error: BaseException, place: str) -> str:
    """Return the line of the file at which an import failed."""
    if _is_own(error, place):
        return f", line {error.lineno}"
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if frame.filename.endswith(place):
            return f", line {frame.lineno}"
    return ""


def _fault(error: BaseException, place: str) -> str:
    """Return the fault in one line; only an error of ours needs no name."""
    said = str(error.msg) if _is_own(error, place) else " ".join(str(error).split())
    if isinstance(error, SojournError):
        return said
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


def _is_own(error: BaseException, place: str) -> TypeGuard[SyntaxError]:
    """Tell a syntax error of the file itself from one of a module that it imports."""
    return isinstance(error, SyntaxError) and (error.filename or "").endswith(place)


def _journeys(modules: Iterable[ModuleType]) -> Iterator[type[Journey]]:
    for module in modules:
        for item in vars(module).values():
            is_journey = isinstance(item, type) and issubclass(item, Journey) and item.name
            if is_journey and item.__module__ == module.__name__:
                yield item


def _activities(modules: Iterable[ModuleType]) -> Mapping[str, Activity[..., Any]]:
    found: dict[str, Activity[..., Any]] = {}
    for module in modules:
        for item in vars(module).values():
            if not isinstance(item, Activity) or item.function.__module__ != module.__name__:
                continue
            if item.name == "send":
                raise BadProject(
                    f"{module.__name__}: the name of an activity is not send: rename it"
                )
            if found.setdefault(item.name, item) is not item:
                first, second = found[item.name].function, item.function
                raise SameName("activity", item.name, first, second)
    return MappingProxyType(found)


def _made_in(modules: Iterable[ModuleType], kind: type[T]) -> list[T]:
    """Return the values of a kind that modules hold, each once."""
    found: list[T] = []
    for module in modules:
        for item in vars(module).values():
            if isinstance(item, kind) and not any(item is one for one in found):
                found.append(item)
    return found


def _campaigns(
    modules: Iterable[ModuleType],
    journeys: Mapping[str, type[Journey]],
    topics: Topics,
    coupons: Pools,
) -> Campaigns:
    found = Campaigns(_made_in(modules, Campaign), journeys)
    for one in found.values():
        whose = f'campaign "{one.name}"'
        check_topic(whose, one.message, one.message.topic, topics)
        check_coupon(whose, one.message, coupons)
    return found


def _check_named(audiences: Audiences, journeys: Journeys, campaigns: Campaigns) -> None:
    """Check that facts name journeys and campaigns of the project: for others they never hold.

    A project may name one that ships and that it has not copied: it has written to nobody there.

    Raises:
        BadProject: one line that names the fact, the name and the nearest one.
    """
    facts = [
        *((f'audience "{one.name}"', one.who) for one in audiences.values()),
        *(
            (f'journey "{name}", {keyword}=', fact)
            for name, journey in journeys.items()
            for keyword in ("enters_if", "stays_if")
            if (fact := getattr(journey.terms, keyword)) is not None
        ),
        *((f'campaign "{one.name}", to=', one.to.who) for one in campaigns.values()),
    ]
    known = {*journeys, *campaigns}
    for whose, fact in facts:
        for writer in writers_of(fact):
            if writer.by not in known and writer.by not in shipped(Kind.JOURNEY, Kind.CAMPAIGN):
                unknown = UnknownName("journey or campaign", writer.by, known)
                raise BadProject(f"{whose}: written_to: {unknown}")
        for asked in campaigns_of(fact):
            _check_launch(whose, asked, campaigns)


def _check_launch(whose: str, asked: str, campaigns: Campaigns) -> None:
    """Check that a fact asks about one launch of a campaign of the project."""
    name, _, occasion = asked.partition(OCCASION)
    if name not in campaigns:
        raise BadProject(f"{whose}: {UnknownName('campaign', name, campaigns)}")
    when = campaigns[name].when
    if isinstance(when, Recurring) and when.day_of(occasion) is None:
        raise BadProject(
            f'{whose}: {name} is sent {when}, so say which one: "{name}{OCCASION}YYYY-MM-DD", with '
            "a day of it"
        )
    if whose == f'campaign "{asked}", to=':
        raise BadProject(f"{whose}: {asked} cannot follow itself")


def _sources(modules: Iterable[ModuleType]) -> dict[str, type[Any]]:
    found: dict[str, type[Any]] = {}
    for module in modules:
        for item in vars(module).values():
            name = getattr(item, "name", None)
            if not (isinstance(item, type) and isinstance(name, str) and hasattr(item, "calls")):
                continue
            if item.__module__ == module.__name__ and found.setdefault(name, item) is not item:
                raise SameName("source", name, found[name], item)
    return found
