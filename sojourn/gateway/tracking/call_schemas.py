"""JSON Schemas of the calls: they accept what the reader of calls takes, and refuse the rest.

`sojourn.dispatch.calls` decides; a test feeds the same calls to both. A schema cannot express some
faults: fields of the project's events, unreadable traits, size in bytes and depth, text that is no
Unicode, and moments of the first and the last day that are not written in UTC.
"""

from collections.abc import Iterable
from typing import Any, Final

from sojourn.dispatch.calls import WRITTEN_HERE
from sojourn.domain.events import LONGEST_ID, SHIPPED, Events
from sojourn.domain.events.naming import BETWEEN, letters
from sojourn.domain.storable import LONGEST_NUMBER
from sojourn.gateway.http.description import FIELDS

Schema = dict[str, Any]

_ALSO: Final = {"k": "\u212a", "å": "\u212b", "ω": "\u2126"}
"""Signs (Kelvin, Ångström, Ohm) whose small letter is another letter's."""

NOT_BLANK = r"^[^\u0000-\u001f\u007f]*[^\u0000-\u001f\u007f\s][^\u0000-\u001f\u007f]*$"
_THIRTY, _THIRTY_ONE = "0[469]|11", "0[13578]|1[02]"
_LEAP = "19(?:[79][26]|8[048])|20(?:[02468][048]|[13579][26])|21(?:0[48]|[2468][048]|[13579][26])"
_YEAR = "19[7-9][0-9]|2[01][0-9]{2}"
_TIME = "(?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:[.,][0-9]+)?)?"
_ZONE = "(?:[Zz]|[+\u2212-](?:[01][0-9]|2[0-3]):?[0-5][0-9])"
_EDGE = "1970-01-01|2199-12-31"
MOMENT = (
    f"^(?:(?:(?!{_EDGE})(?:"
    f"(?:{_YEAR})-(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])|(?:{_THIRTY})-(?:29|30)"
    f"|(?:{_THIRTY_ONE})-(?:29|3[01]))|(?:{_LEAP})-02-29)[Tt _]{_TIME}{_ZONE})"
    f"|(?:(?:{_EDGE})[Tt _]{_TIME}[Zz]))$"
)
"""ISO 8601 with its zone, 1970 to 2199."""
_MOMENT_EXAMPLE = "2024-01-04T11:45:38.123Z"

_VALUE: Final[Schema] = {"$ref": "#/components/schemas/Value"}
_ABSENT: Final[Schema] = {"anyOf": [{"type": "null"}, {"type": "string", "pattern": r"^\s*$"}]}
ENDING: Final[Schema] = {"$ref": "#/components/schemas/EndingEvent"}
"""The name of an event that ends runs: no moment and no properties make it refused."""
WRITE_KEY: Final[Schema] = {
    "type": ["string", "null"],
    "description": "The write key, for senders that cannot set headers.",
}
SENT_AT: Final[Schema] = {
    "description": "When it was sent, by the sender's clock, which it serves to set right.",
    "examples": [_MOMENT_EXAMPLE],
}
_DESCRIBED: Final[dict[str, Schema]] = {
    "type": {"description": "The call's own, or left out."},
    "userId": {"description": "The customer.", "examples": ["c42"]},
    "anonymousId": {
        "description": "A visitor who is not known yet. It stands in for `userId`.",
        "examples": ["a7f0c6a2-4f0e-4a5e-9d43-1b9d7c8f2e11"],
    },
    "previousId": {"description": "The id that is given up.", "examples": ["a7f0c6a2"]},
    "messageId": {
        "description": "Unique: the same id twice is the same call twice.",
        "examples": ["5b0b5c1e-7a3c-4a34-8b52-8f6f7d6e9a01"],
    },
    "timestamp": {"description": "When it happened.", "examples": [_MOMENT_EXAMPLE]},
    "originalTimestamp": {
        "description": "When it happened, by the sender's clock.",
        "examples": [_MOMENT_EXAMPLE],
    },
    "sentAt": SENT_AT,
    "receivedAt": {"description": "Not read."},
    "event": {
        "description": "The name of the event. An unknown one is stored, and ignored.",
        "examples": ["Page Read"],
    },
    "properties": {
        "description": "The fields of the event. Those of known events must validate.",
    },
    "traits": {"description": "Facts about the customer: email, phone, firstName, locale, ..."},
    "context": {"description": "Of an identify: a locale, a time zone, or the traits."},
    "integrations": {"description": "Not read."},
    "writeKey": WRITE_KEY,
}


def call_schema(kind: str) -> Schema:
    """Return the schema of a call: ``track``, ``identify``, ..."""
    # of an identify call only the traits are stored, one by one
    whole = {} if kind == "identify" else _VALUE
    identifier = _identifier(LONGEST_ID if kind == "identify" else LONGEST_NUMBER)
    moment = {} if kind == "identify" else _or_absent({"type": "string", "pattern": MOMENT})
    fields: dict[str, Schema] = {
        "type": {"enum": [kind, "", None, False, 0, [], {}]},
        "userId": _or_absent(identifier),
        "anonymousId": whole,
        "previousId": whole,
        "messageId": whole,
        "timestamp": moment,
        "originalTimestamp": moment,
        "sentAt": whole,
        "receivedAt": whole,
        "properties": _object(kind),
        # one trait that cannot be stored is left out; where it is the only one, the call is refused
        "traits": _object("traits") if kind == "identify" else _inner(kind),
        "context": _inner(kind),
        "integrations": _inner(kind),
        "writeKey": {},
    }
    schema: Schema = {"type": "object", "required": [], **_around(kind)}
    somebody: list[Schema] = [
        {"required": ["userId"], "properties": {"userId": identifier}},
        {
            "required": ["anonymousId"],
            "properties": {"userId": _ABSENT, "anonymousId": identifier},
        },
    ]
    match kind:
        case "alias":
            fields |= {"previousId": identifier, "userId": identifier}
            schema["required"] = ["previousId", "userId"]
        case "track":
            fields["event"] = {
                **_text(), "not": {"pattern": _any_spelling(SHIPPED, WRITTEN_HERE)},
            }  # fmt: skip
            schema["required"] = ["event"]
            schema["allOf"] = [{"anyOf": somebody}, _strict_unless_it_ends(fields)]
        case "identify":
            schema["allOf"] = [{"anyOf": somebody}, _TRAITS_ANYWHERE]
        case _:
            schema["anyOf"] = somebody
    schema["properties"] = {name: {**field, **_DESCRIBED[name]} for name, field in fields.items()}
    return schema


def ending_event(events: Events) -> Schema:
    """Return the schema of the names of events that end runs, in every spelling.

    Args:
        events: the project's events, with the journeys' use of them.
    """
    return {
        "description": "The name of an event that ends runs, in any spelling.",
        "type": "string",
        "pattern": _any_spelling(events, events.use.ends - WRITTEN_HERE),
    }


def _any_spelling(events: Events, names: Iterable[str]) -> str:
    found = sorted(names)
    patterns = [_escaped(name) for name in found]
    patterns += sorted(_spelled(way) for name in found for way in events.spellings(name))
    return f"^(?:{'|'.join(patterns)})$" if patterns else "(?!)"


def _strict_unless_it_ends(fields: dict[str, Schema]) -> Schema:
    """Move the strict fields out of a track's schema; return a part that requires them."""
    strict = {name: fields[name] for name in ("timestamp", "originalTimestamp", "properties")}
    for name in strict:
        fields[name] = {} if name == "properties" else _VALUE
    return {"anyOf": [{"properties": strict}, {"properties": {"event": ENDING}}]}


_TRAITS_ANYWHERE: Final[Schema] = {
    "anyOf": [
        {"required": ["traits"], "properties": {"traits": {"type": "object", "minProperties": 1}}},
        {
            "properties": {
                "context": {
                    "anyOf": [
                        {"not": {"type": "object"}},
                        {
                            "properties": {
                                "traits": {
                                    "anyOf": [
                                        {"type": ["object", "null"]},
                                        {"enum": ["", []]},
                                    ]
                                }
                            }
                        },
                    ]
                }
            }
        },
    ]
}
"""RudderStack puts the traits into the context, where they must be an object as well."""


def _identifier(digits: int) -> Schema:
    bound = 10**digits
    return {
        "anyOf": [
            _text(),
            {
                "type": "integer",
                # a sign counts as a character
                "exclusiveMinimum": -bound if digits < LONGEST_ID else -(bound // 10),
                "exclusiveMaximum": bound,
            },
        ]
    }


def _text() -> Schema:
    return {"type": "string", "minLength": 1, "maxLength": LONGEST_ID, "pattern": NOT_BLANK}


def _or_absent(schema: Schema) -> Schema:
    return {"anyOf": [schema, *_ABSENT["anyOf"]]}


def _object(kind: str) -> Schema:
    """Return the schema of an object; an empty list counts as one, since PHP writes it so."""
    empty = {"type": "array", "maxItems": 0}
    return {"anyOf": [{"type": "object", **_around(kind)}, empty, *_ABSENT["anyOf"]]}


def _inner(kind: str) -> Schema:
    return _VALUE if _around(kind) else {}


def _around(kind: str) -> Schema:
    """Return the schema of unnamed fields; some calls leave out those that cannot be stored."""
    return {} if kind in ("track", "identify") else FIELDS


def _spelled(name: str) -> str:
    """Return a pattern of a name's letters in any case, with separators between them."""
    between = f"[{BETWEEN}]*"
    return f"{between}{between.join(_either(letter) for letter in name)}{between}"


def _either(letter: str) -> str:
    ways = (letter.lower(), letter.upper(), _ALSO.get(letter, letter))
    cases = dict.fromkeys(way for way in ways if letters(way) == letter)
    return f"[{''.join(cases)}]" if len(cases) > 1 else _escaped(letter)


def _escaped(text: str) -> str:
    """Return a pattern of a text that every dialect of regular expressions reads alike."""
    return "".join(f"\\{one}" if one in r"\^$.*+?()[]{}|/" else one for one in text)
