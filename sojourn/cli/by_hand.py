"""What operators do by hand is kept with who did it and why."""

from typing import Annotated

import typer
from pydantic import TypeAdapter, ValidationError

from sojourn.composing import load_project
from sojourn.domain.errors import BadInput, UnknownName
from sojourn.domain.events import Identifier
from sojourn.domain.messages import Channel
from sojourn.insight.attempts import SETTLERS

ANYBODY = "operator"
_NAME: TypeAdapter[str] = TypeAdapter(Identifier)

Why = Annotated[str, typer.Option("--why", help="Kept, and shown to whoever looks next.")]
By = Annotated[str, typer.Option("--by", help="Who does it: a name.")]
ChannelName = Annotated[str, typer.Argument(metavar="CHANNEL", help="email, sms, push, whatsapp.")]


def check_words(why: str, by: str) -> None:
    """See that there is a reason, and that the name cannot be taken for the machinery's.

    Raises:
        BadInput: no reason is given, or the name is none, or a provider has it.
    """
    if not why.strip():
        raise BadInput("--why is empty: whoever looks at it next will want to know")
    try:
        _NAME.validate_python(by)
    except ValidationError:
        raise BadInput(
            "--by takes a name of 1 to 200 characters, none of them a control character"
        ) from None
    if by in (*load_project().carriers.names, *SETTLERS):
        raise BadInput(f'--by "{by}": Sojourn itself acts by that name; give a person\'s')


def channel_named(name: str) -> Channel:
    """The channel of this name.

    Raises:
        UnknownName: there is none.
    """
    if name not in list(Channel):
        raise UnknownName("channel", name, [channel.value for channel in Channel])
    return Channel(name)
