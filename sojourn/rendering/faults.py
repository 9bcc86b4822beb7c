"""Errors of templates, told in one line with place and reason."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import jinja2

from sojourn.domain.errors import NothingLeft, NothingToSay, SojournError, TemplateError
from sojourn.domain.messages import Reason
from sojourn.rendering.words import clean

# errors whose text is about the template, not about somebody's data
_TELLING = (SojournError, jinja2.TemplateError, TypeError)


@contextmanager
def faults_of(name: str, roots: Sequence[Path]) -> Iterator[None]:
    """Turn every error into one line.

    Args:
        name: of the template, for errors that have no line in one.
        roots: the folders of templates.

    Raises:
        NothingToSay: the template declined.
        TemplateError: ``renewal/today.sms.it.txt, line 3: 'nmae' is undefined``.
    """
    try:
        yield
    except NothingToSay as declined:
        raise type(declined)(declined.why, name) from None
    except TemplateError:  # has its place
        raise
    except Exception as error:
        fault = f"{_place(error, roots) or name}: {_reason(error)}"
        # without its cause, which may quote the customer
        raise TemplateError(fault) from None


def reason_for(declined: NothingToSay) -> Reason:
    """Return the reason for which a template declined."""
    return Reason.NOTHING_LEFT if isinstance(declined, NothingLeft) else Reason.NOTHING_TO_SAY


def _place(error: Exception, roots: Sequence[Path]) -> str:
    """Return the innermost line of a template that an error went through."""
    if isinstance(error, jinja2.TemplateSyntaxError) and error.name:
        return f"{error.name}, line {error.lineno}"
    place, step = "", error.__traceback__
    while step is not None:
        path = Path(step.tb_frame.f_code.co_filename)
        for root in roots:
            if path.is_relative_to(root):
                place = f"{path.relative_to(root).as_posix()}, line {step.tb_lineno}"
        step = step.tb_next
    return place


def _reason(error: Exception) -> str:
    if isinstance(error, jinja2.TemplatesNotFound):
        return f"there is no template {' or '.join(map(str, error.templates))}"
    if isinstance(error, jinja2.TemplateNotFound):
        return f"there is no template {error.name}"
    if not isinstance(error, _TELLING):
        return type(error).__name__
    return clean(str(error)) or type(error).__name__
