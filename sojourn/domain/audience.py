"""`Audience`: a named question about all customers, and those of a project by their names."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from sojourn.domain.errors import SameName, UnknownName
from sojourn.domain.facts import Fact, without_fields, written
from sojourn.domain.list_name import LONGEST, is_list_name


@dataclass(frozen=True)
class Audience:
    """All customers who match a fact.

    ::

        asleep = Audience("asleep", last(OrderCompleted) > days(90), "No order for 90 days.")

    Args:
        name: in small letters, digits and hyphens: "trade-fair".
        who: the fact; where it is unknown, the customer is not in the audience.
        about: what it is, in a sentence, for people.
        watched: its comings and goings are the events `Audience Entered` and `Audience Left`, on
            which journeys can start.

    Raises:
        TypeError: the name is not such a name, or ``who`` is not a fact, or is one about an
            event's field.
    """

    name: str
    who: Fact
    about: str = ""
    watched: bool = False

    def __post_init__(self) -> None:
        """Check what was given."""
        if not isinstance(self.name, str) or not is_list_name(self.name):
            raise TypeError(
                f"Audience({self.name!r}): its name has small letters, digits and hyphens, and "
                f"at most {LONGEST} of them"
            )
        if not isinstance(self.who, Fact):
            raise TypeError(
                f'Audience("{self.name}"): who= takes a fact, such as did(OrderCompleted), and '
                f"{self.who!r} is none"
            )
        without_fields(self.who, f'Audience("{self.name}")')

    @property
    def digest(self) -> str:
        """A text that tells this question from another one."""
        told = json.dumps(written(self.who), sort_keys=True)
        return hashlib.sha256(told.encode()).hexdigest()[:32]


class Audiences(Mapping[str, Audience]):
    """The audiences of a project by their names; nothing can be added to them.

    Args:
        audiences: in any order.

    Raises:
        SameName: two of them have one name.
    """

    def __init__(self, audiences: Iterable[Audience] = ()) -> None:
        found: dict[str, Audience] = {}
        for one in audiences:
            if found.setdefault(one.name, one) is not one:
                raise SameName("audience", one.name, found[one.name].who, one.who)
        self._audiences = MappingProxyType(dict(sorted(found.items())))

    def __getitem__(self, name: str) -> Audience:
        return self._audiences[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._audiences)

    def __len__(self) -> int:
        return len(self._audiences)

    def named(self, name: str) -> Audience:
        """Return the audience of a name.

        Raises:
            UnknownName: there is none; the message offers the nearest.
        """
        if name not in self._audiences:
            hint = "" if self._audiences else "a project has its audiences in audiences/"
            raise UnknownName("audience", name, self._audiences, hint=hint)
        return self._audiences[name]

    @property
    def watched(self) -> list[Audience]:
        """Those whose comings and goings are events."""
        return [one for one in self.values() if one.watched]
