"""Write a new project into an empty folder."""

import shutil
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from sojourn.domain.errors import BadInput, Unavailable
from sojourn.scaffold.names import distribution_name
from sojourn.scaffold.shipped import shipped_root

FILES = Path(__file__).resolve().parent / "project"
SHARED = ("docker-compose.temporal.yml", ".env.example", "deploy")
"""Files of the repository that are copied to a project: Temporal on PostgreSQL, with its UI."""

_HIDDEN = {"gitignore": ".gitignore", "dockerignore": ".dockerignore"}
"""Names that tools would obey in the engine's own folder."""


def write_project(folder: Path) -> str:
    """Write a project with one journey and its templates, events and tests.

    Args:
        folder: a missing or empty folder. Its name becomes the project's name.

    Returns:
        The project's name, as package indexes spell it.

    Raises:
        BadInput: the folder is not empty, or cannot give a project its name.
        Unavailable: the folder cannot be written.
    """
    name = distribution_name(folder.resolve().name)
    if folder.exists() and not folder.is_dir():
        raise BadInput(f"{folder} is a file: name a folder that is new or empty")
    was_there = folder.is_dir()
    if was_there and any(folder.iterdir()):
        raise BadInput(f"{folder} is not empty: name a folder that is new or empty")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, text in _files(name):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text)
        for script in folder.glob("deploy/*.sh"):
            script.chmod(0o755)
    except BaseException as error:
        _empty(folder)
        if not was_there and folder.is_dir():
            folder.rmdir()
        if isinstance(error, OSError):
            why = error.strerror or type(error).__name__
            raise Unavailable(f"cannot write {folder}: {why}") from None
        raise
    return name


def _files(name: str) -> Iterator[tuple[Path, str]]:
    """Yield the files of a project: their paths and contents."""
    for file in _under(FILES):
        path = file.relative_to(FILES)
        path = path.with_name(_HIDDEN.get(path.name, path.name))
        yield path, _filled_in(path, file.read_text(), name)
    root = shipped_root()
    for place in SHARED:
        for file in _under(root / place) if (root / place).is_dir() else [root / place]:
            path = file.relative_to(root)
            yield path, _named_after(path, file.read_text(), name)


def _under(folder: Path) -> Iterator[Path]:
    """Yield the files of a folder and of those in it, without the caches of tools that ran here."""
    for file in sorted(folder.rglob("*")):
        parts = file.relative_to(folder).parts
        if file.is_file() and not any(one.startswith((".", "__pycache__")) for one in parts):
            yield file


def _filled_in(path: Path, text: str, name: str) -> str:
    if path.name in ("pyproject.toml", "README.md"):
        return text.replace("{name}", name).replace("{version}", version("sojourn"))
    return text


def _named_after(path: Path, text: str, name: str) -> str:
    """Return a shared file adapted to the project: its name, and references to Sojourn's docs."""
    if path.name == "docker-compose.temporal.yml":
        text = text.replace("name: sojourn\n", f"name: {name}\n", 1)
        text = text.replace("image: sojourn:local", f"image: {name}:local")
    return text.replace(" docs/", " Sojourn's docs/").replace("(docs/", "(Sojourn's docs/")


def _empty(folder: Path) -> None:
    if not folder.is_dir():
        return
    for path in folder.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
