"""Copy a journey that ships into a project, to be owned and changed there."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sojourn.domain.errors import BadInput, Unavailable
from sojourn.domain.messages import MessageClass
from sojourn.domain.topics import FILE, Topic
from sojourn.project import Project
from sojourn.scaffold.shipped import ShippedJourney, shipped_topics


@dataclass(frozen=True)
class Copied:
    """The files of a project that a copy concerns, as paths below its root.

    Args:
        written: the new ones.
        kept: modules of helpers that the project has already.
        topics: those that were written at the end of its ``topics.toml``.
    """

    written: list[Path]
    kept: list[Path]
    topics: list[str]


def copy_journey(journey: ShippedJourney, project: Project) -> Copied:
    """Copy a journey with its helpers, templates, test and recorded histories.

    Templates are copied in the project's languages; in all of them if the journey ships in none of
    these. Topics that the project does not list yet are written at the end of its ``topics.toml``,
    if it has one. No file is ever written over.

    Args:
        journey: as it ships.
        project: that takes it.

    Returns:
        The files that were written, and those that the project had.

    Raises:
        BadInput: the project has the journey already, or a file is in the way; the message says
            which.
        Unavailable: a file cannot be written.
    """
    owned, there = _plan(journey, project)
    listed = project.root / FILE
    before = listed.read_bytes() if project.topics.declared else None
    new = [name for name in journey.topics if before is not None and name not in project.topics]
    written: list[Path] = []
    try:
        for source, path in owned.items():
            target = project.root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            written.append(path)
            target.write_text((journey.root / source).read_text())
        if new:
            _list(new, listed, project.languages)
    except BaseException as error:
        for path in written:
            (project.root / path).unlink(missing_ok=True)
        if new and before is not None:
            listed.write_bytes(before)
        if isinstance(error, OSError):
            raise _unwritten(error, written[-1]) from None
        raise
    return Copied(sorted(written), [path for path in there if path.name != "__init__.py"], new)


def _plan(journey: ShippedJourney, project: Project) -> tuple[dict[Path, Path], list[Path]]:
    """Return where each file of a journey goes, and the helpers that the project has.

    Raises:
        BadInput: as `copy_journey`.
    """
    if journey.name in project.journeys:
        raise BadInput(f"{journey.name} is a journey of this project already")
    templates = Path(project.templates[0]).relative_to(project.root)
    owned = {journey.module: journey.module, journey.test: Path("tests") / journey.test.name}
    for path in in_languages(journey.templates, project.languages):
        owned[path] = templates.joinpath(*path.parts[1:])
    owned |= {path: path for path in journey.histories}
    for path in owned.values():
        if (project.root / path).exists():
            raise BadInput(f"{path} is there already, and nothing is written over: rename it")
    there = [path for path in journey.helpers if (project.root / path).exists()]
    owned |= {path: path for path in journey.helpers if path not in there}
    return owned, there


def _unwritten(error: OSError, path: Path) -> Unavailable:
    return Unavailable(f"cannot write {path}: {error.strerror or type(error).__name__}")


def _list(topics: Sequence[str], file: Path, languages: Sequence[str]) -> None:
    """Write topics that ship at the end of a project's own."""
    shipped = shipped_topics()
    with file.open("a") as end:
        end.writelines(_entry(shipped[name], languages) for name in topics)


def _entry(topic: Topic, languages: Sequence[str]) -> str:
    """Return a topic as the file has it, in some languages; in all, if it has none of these."""
    return "\n" + "".join(f"{line}\n" for line in _lines(topic, languages))


def _lines(topic: Topic, languages: Sequence[str]) -> Iterator[str]:
    yield f"[{topic.id}]"
    if topic.message_class is not MessageClass.PROMOTIONAL:
        yield f'class = "{topic.message_class}"'
    if topic.needs_own_yes:
        yield f'default = "{topic.default}"'
    if topic.cadence:
        yield f"cadence = {json.dumps(topic.cadence)}"
    chosen = set(languages) & set(topic.name) or set(topic.name)
    for field, words in (("name", topic.name), ("about", topic.about)):
        for language, text in words.items():
            if language in chosen:
                yield f"{field}.{language} = {json.dumps(text, ensure_ascii=False)}"


def in_languages(templates: Sequence[Path], languages: Sequence[str]) -> list[Path]:
    """Return the templates of some languages; all, if there are none of these.

    Args:
        templates: files such as ``reminder.email.en.html`` and ``_cart.en.html``.
        languages: tags.

    Returns:
        Those files, and with them all that are of no language.
    """
    found = [path for path in templates if _language(path) in languages]
    if not found:
        return list(templates)
    return [path for path in templates if _language(path) in (*languages, "")]


def _language(path: Path) -> str:
    parts = path.name.split(".")
    return parts[-2] if len(parts) > 2 else ""
