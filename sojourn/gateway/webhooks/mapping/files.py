"""Mapping files: each maps a source's requests to events, and says where the fields stand."""

import re
import tomllib
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sojourn.domain.errors import BadSetting, UnknownName
from sojourn.domain.events import ENVELOPE, SHIPPED, Events
from sojourn.domain.reading import reason_of
from sojourn.gateway.webhooks.mapping.expressions import Query, first_line

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,49}")
_VARIABLE = r"^[A-Z][A-Z0-9_]*$"


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


class Entry(_Table):
    """The fields that the entries of an event and an identify call share."""

    when: Query | None = None
    user_id: Query
    timestamp: Query | None = None


class EventMapping(Entry):
    """One ``[[events]]``: when a request is this event, and where its fields stand."""

    event: str
    message_id: Query | None = None
    properties: dict[str, Query] = Field(default_factory=dict)


class IdentifyMapping(Entry):
    """The ``[identify]``: when a request is about a customer, and where the traits stand."""

    traits: dict[str, Query] = Field(min_length=1)


class SourceFile(_Table):
    """A mapping file: one source of webhooks."""

    secret: Annotated[str, Field(pattern=_VARIABLE)]
    """The environment variable that holds the secret."""
    events: tuple[EventMapping, ...] = ()
    identify: IdentifyMapping | None = None


def read_file(path: Path, known: Events = SHIPPED) -> SourceFile:
    """Read a mapping file.

    Raises:
        BadSetting: it is not valid; one line names the file, the key and the fault.
    """
    if not _NAME.fullmatch(path.stem):
        raise BadSetting(f"{path}: its name is its address: small letters, digits and hyphens")
    try:
        file = SourceFile.model_validate(tomllib.loads(path.read_text()))
        _check_events(file, known)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadSetting(f"{path}: {first_line(error)}") from None
    except ValidationError as error:
        raise BadSetting(f"{path}: {_fault(error)}") from None
    except BadSetting as error:
        raise BadSetting(f"{path}: {error}") from None
    return file


def _check_events(file: SourceFile, known: Events) -> None:
    if not file.events and file.identify is None:
        raise BadSetting("events: there is neither [[events]] nor [identify]")
    for number, entry in enumerate(file.events):
        try:
            fields = known.named(entry.event).model_fields
        except UnknownName as error:
            raise BadSetting(f"events.{number}.event: {error}") from None
        needed = {name for name, field in fields.items() if field.is_required()} - set(ENVELOPE)
        if missing := sorted(needed - set(entry.properties)):
            raise BadSetting(
                f"events.{number}.properties: {entry.event} needs {' and '.join(missing)}"
            )


def _fault(error: ValidationError) -> str:
    where = ".".join(str(part) for part in error.errors(include_url=False)[0]["loc"])
    return f"{where}: {reason_of(error)}"
