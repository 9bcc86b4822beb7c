"""Copy a journey that ships into a project, to be owned and changed there."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sojourn.domain.errors import BadInput, Unavailable
from sojourn.project import Project
from sojourn.scaffold.shipped import ShippedJourney


@dataclass(frozen=True)
class Copied:
    """The files of a project that a copy concerns, as paths below its root.

    Args:
        written: the new ones.
        kept: modules of helpers that the project has already.
    """

    written: list[Path]
    kept: list[Path]


def copy_journey(journey: ShippedJourney, project: Project) -> Copied:
    """Copy a journey with its helpers, templates, test and recorded histories.

    Templates are copied in the project's languages; in all of them if the journey ships in none of
    these. No file is ever written over.

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
    written: list[Path] = []
    try:
        for source, path in owned.items():
            target = project.root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            written.append(path)
            target.write_text((journey.root / source).read_text())
    except BaseException as error:
        for path in written:
            (project.root / path).unlink(missing_ok=True)
        if isinstance(error, OSError):
            why = error.strerror or type(error).__name__
            raise Unavailable(f"cannot write {written[-1]}: {why}") from None
        raise
    return Copied(sorted(written), [path for path in there if path.name != "__init__.py"])


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
