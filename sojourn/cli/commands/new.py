"""``sojourn new``: write a project."""

from pathlib import Path
from typing import Annotated

import typer

from sojourn.cli.output import show_line
from sojourn.scaffold.new import write_project

app = typer.Typer(add_completion=False)


@app.command()
def new(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="New or empty; names the project")],
) -> None:
    """Write a new project: a journey, its templates, events and tests, a Makefile."""
    name = write_project(folder)
    if name != folder.resolve().name:
        show_line(f'The project is called "{name}": package indexes spell names like that.')
    show_line(f"{folder} is a project. Go on with:")
    show_line(f"  cd {folder} && make demo && make test")
    show_line("README.md says what is where, AGENTS.md how to add to it.")
