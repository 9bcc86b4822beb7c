"""Copy a shipped journey, campaign or audience into a project, to be changed there."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sojourn.domain.coupons import FILE as COUPONS
from sojourn.domain.errors import BadInput, Unavailable
from sojourn.domain.topics import FILE as TOPICS
from sojourn.project import Project
from sojourn.scaffold.entries import pool_entry, topic_entry
from sojourn.scaffold.reading import defines, parsed
from sojourn.scaffold.shipped import Kind, Shipped, shipped_pools, shipped_topics

NO_POOL_YET = "# Pools of codes that messages hand out. Sojourn's docs/coupons.md explains them.\n"


@dataclass(frozen=True)
class Copied:
    """The result of a copy into a project; paths are relative to its root.

    Args:
        written: the new files.
        kept: modules that the project already has, and that the copy imports.
        topics: topics that were added to the end of its ``topics.toml``.
        pools: pools that were added to the end of its ``coupons.toml``.
        audiences: names of the new audiences.
    """

    written: list[Path]
    kept: list[Path]
    topics: list[str]
    pools: list[str]
    audiences: list[str]


def copy_shipped(one: Shipped, project: Project) -> Copied:
    """Copy a journey, a campaign or an audience, with everything that it needs to work.

    These are the modules that it imports, its templates in the project's languages (or all of them
    if it has none of these languages), the test and the recorded histories of a journey. New topics
    are added to the end of the project's ``topics.toml``, if it has one; pools of coupons to the
    end of its ``coupons.toml``. No file is ever overwritten.

    Args:
        one: the shipped journey, campaign or audience.
        project: the project to copy it into.

    Returns:
        The written files, and those that the project already had.

    Raises:
        BadInput: the project already has something of this name, a file is in the way, or a module
            of the project lacks a name that the copy imports; the message says which.
        Unavailable: a file cannot be written.
    """
    _check_names(one, project)
    modules, kept = _modules(one, project)
    files = _files(one, modules, project)
    audiences = _audiences(one, modules, project)
    listed = project.topics if project.topics.declared else None
    topics = [name for name in one.topics if listed is not None and name not in listed]
    pools = [name for name in one.pools if name not in project.coupons]
    _write(
        {path: (one.root / source).read_text() for path, source in files.items()},
        {Path(TOPICS): _topics(topics, project), Path(COUPONS): _pools(pools, project)},
        project.root,
    )
    return Copied(sorted(files), sorted(kept), topics, pools, audiences)


def _check_names(one: Shipped, project: Project) -> None:
    """Check that the project has nothing of this name.

    Raises:
        BadInput: it has. Journeys and campaigns must have different names, since their templates
            share a folder.
    """
    taken: Mapping[Kind, Collection[str]] = {Kind.AUDIENCE: project.audiences}
    if one.kind is not Kind.AUDIENCE:
        taken = {Kind.JOURNEY: project.journeys, Kind.CAMPAIGN: project.campaigns}
    for name in [one.name] if one.kind is Kind.AUDIENCE else one.holds(one.kind, one.module):
        for kind, names in taken.items():
            if name in names:
                article = "an" if kind is Kind.AUDIENCE else "a"
                raise BadInput(f"{name} is {article} {kind} of this project already")


def _modules(one: Shipped, project: Project) -> tuple[list[Path], set[Path]]:
    """Return the modules to copy, and the project's modules that are used instead.

    Raises:
        BadInput: a module of the project lacks a name that is imported from it.
    """
    new, kept, waiting = [one.module], set(), [one.module]
    while waiting:
        importer = waiting.pop()
        for module, name in one.needs(importer):
            if module in new:
                continue
            if (project.root / module).exists():
                _check_has(module, name, importer, one, project)
                kept.add(module)
            else:
                new.append(module)
                waiting.append(module)
    return new, kept


def _check_has(module: Path, name: str, importer: Path, one: Shipped, project: Project) -> None:
    if not defines(parsed(project.root / module), name):
        raise BadInput(
            f"{module} is there already, and nothing is written over; it has no {name}, which "
            f"{importer} imports: copy that from {one.root / module}, or rename your file"
        )


def _files(one: Shipped, modules: Iterable[Path], project: Project) -> dict[Path, Path]:
    """Return the shipped files by their paths in the project.

    Raises:
        BadInput: one of the files exists already.
    """
    templates = Path(project.templates[0]).relative_to(project.root)
    found = {path: path for path in (*modules, *one.histories)}
    if one.test is not None:
        found[Path("tests") / one.test.name] = one.test
    for path in in_languages(one.templates, project.languages):
        found[templates.joinpath(*path.parts[1:])] = path
    for path in found:
        if (project.root / path).exists():
            raise _in_the_way(path, one, project)
    packages = {parent / "__init__.py" for path in modules for parent in path.parents}
    lacking = [path for path in packages if not (project.root / path).exists()]
    return found | {path: path for path in lacking if (one.root / path).is_file()}


def _in_the_way(path: Path, one: Shipped, project: Project) -> BadInput:
    there = f"{path} is there already, and nothing is written over"
    if one.kind is not Kind.AUDIENCE:
        return BadInput(f"{there}: rename it")
    lacks = [name for name in one.holds(Kind.AUDIENCE, path) if name not in project.audiences]
    return BadInput(
        f"{there}: it lacks {', '.join(lacks)}; copy that from {one.root / path}, or rename your "
        "file"
    )


def _audiences(one: Shipped, modules: Iterable[Path], project: Project) -> list[str]:
    """Return the names of the copied audiences.

    Raises:
        BadInput: the project has an audience of this name in a file of another name.
    """
    found = {name: path for path in modules for name in one.holds(Kind.AUDIENCE, path)}
    for name, path in found.items():
        if name in project.audiences:
            raise BadInput(
                f"{name} is an audience of this project already, and {path} would be a second "
                "one: rename yours, or move it to a file of that name"
            )
    return sorted(found)


def _topics(names: Sequence[str], project: Project) -> str:
    ships = shipped_topics() if names else {}
    return "".join(topic_entry(ships[name], project.languages) for name in names)


def _pools(names: Sequence[str], project: Project) -> str:
    ships = shipped_pools() if names else {}
    text = "".join(pool_entry(ships[name], project.languages) for name in names)
    return text if not text or (project.root / COUPONS).exists() else NO_POOL_YET + text


def _write(files: dict[Path, str], ends: dict[Path, str], root: Path) -> None:
    """Write new files, and append to files; all or nothing.

    Args:
        files: the texts of the new files.
        ends: texts to append to files, which may be missing; nothing if empty.
        root: the folder to which the paths are relative.

    Raises:
        Unavailable: a file cannot be written; the message names it.
    """
    ends = {path: text for path, text in ends.items() if text}
    before = {path: (root / path).read_bytes() for path in ends if (root / path).exists()}
    folders = {parent for path in files for parent in path.parents if not (root / parent).exists()}
    touched: list[Path] = []
    path = root
    try:
        for path, text in files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            touched.append(path)
            (root / path).write_text(text)
        for path, text in ends.items():
            touched.append(path)
            _append(root / path, text)
    except BaseException as error:
        _undo(root, touched, before, folders)
        if isinstance(error, OSError):
            why = error.strerror or type(error).__name__
            raise Unavailable(f"cannot write {path}: {why}") from None
        raise


def _undo(
    root: Path, touched: Iterable[Path], before: Mapping[Path, bytes], folders: Iterable[Path]
) -> None:
    """Restore files and folders."""
    for path in touched:
        if path in before:
            (root / path).write_bytes(before[path])
        else:
            (root / path).unlink(missing_ok=True)
    for folder in sorted(folders, reverse=True):
        if (root / folder).is_dir():
            (root / folder).rmdir()


def _append(file: Path, text: str) -> None:
    with file.open("a") as end:
        end.write(text)


def in_languages(templates: Sequence[Path], languages: Sequence[str]) -> list[Path]:
    """Return the templates in some languages; all templates if there are none.

    Args:
        templates: files such as ``reminder.email.en.html`` and ``_cart.en.html``.
        languages: language tags.

    Returns:
        The files in these languages, and those without a language.
    """
    found = [path for path in templates if _language(path) in languages]
    if not found:
        return list(templates)
    return [path for path in templates if _language(path) in (*languages, "")]


def _language(path: Path) -> str:
    parts = path.name.split(".")
    return parts[-2] if len(parts) > 2 else ""
