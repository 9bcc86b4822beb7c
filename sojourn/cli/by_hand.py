"""Acts of operators: the store keeps who acted, and why."""

from pydantic import TypeAdapter, ValidationError

from sojourn.domain.errors import BadInput
from sojourn.domain.events import Identifier
from sojourn.insight.course import SETTLERS
from sojourn.project import Project

ANYBODY = "operator"
_NAME: TypeAdapter[str] = TypeAdapter(Identifier)


def check_words(why: str, by: str, project: Project) -> None:
    """Check that an act has a reason and the name of a person.

    Args:
        why: the reason, as typed.
        by: the operator's name, as typed.
        project: has the providers, which act by their own names.

    Raises:
        BadInput: the reason is empty, the name is invalid, or Sojourn itself uses it.
    """
    if not why.strip():
        raise BadInput("--why is empty: the next reader will want to know")
    check_name(by, project)


def check_name(by: str, project: Project) -> None:
    """Check that a name is a person's, and not one that Sojourn itself uses.

    Raises:
        BadInput: the name is invalid, or Sojourn itself uses it.
    """
    try:
        _NAME.validate_python(by)
    except ValidationError:
        raise BadInput(
            "--by takes a name of 1 to 200 characters without control characters"
        ) from None
    if by in (*project.carriers.names, *SETTLERS):
        raise BadInput(f'--by "{by}": Sojourn itself acts by that name; give a person\'s')
