"""``sojourn draw``: a journey as a picture."""

from pathlib import Path
from typing import Annotated

import typer

from sojourn.cli.output import show_line
from sojourn.composing import load_project
from sojourn.domain.errors import BadInput, Unavailable
from sojourn.insight.drawing.drawn import draw as drawn
from sojourn.insight.drawing.mermaid import mermaid as as_mermaid
from sojourn.insight.drawing.svg import svg as as_svg

app = typer.Typer(add_completion=False)


@app.command()
def draw(
    journey: Annotated[str, typer.Argument(metavar="JOURNEY", help="Its name.")],
    *,
    mermaid: Annotated[
        bool, typer.Option("--mermaid", help="Print Mermaid's text, as without any option.")
    ] = False,
    svg: Annotated[
        Path | None, typer.Option("--svg", metavar="FILE", help="Write it as SVG instead.")
    ] = None,
) -> None:
    """Draw a journey, found by running its steps down every branch: Mermaid's text, or SVG.

    Nothing is sent or stored, and no server is needed.
    """
    if mermaid and svg is not None:
        raise BadInput("write --mermaid or --svg FILE, not both")
    picture = drawn(load_project().journeys.named(journey))
    if svg is None:
        show_line(as_mermaid(picture).rstrip("\n"))
        return
    try:
        svg.write_text(as_svg(picture), encoding="utf-8")
    except OSError as error:
        raise Unavailable(f"cannot write {svg}: {error.strerror}") from None
    show_line(str(svg))
