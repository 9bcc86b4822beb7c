"""Coupons: pools of codes, each of which goes to one customer.

A project lists its pools in ``coupons.toml``::

    [spring]
    pattern = "SPRING-????-????"       # of codes that are made here: ? is a letter or a digit
    valid_for = 14                     # calendar days of the customer's after that of the message
    last_day = 2027-05-31              # no code is good for longer
    low_water = 500                    # fewer free codes than this: an alert
    percent = 15                       # for templates
    gives.en = "15 % off your order"
    gives.it = "15 % di sconto sul tuo ordine"

A project without the file has no pool.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from sojourn.domain.calendar import DAY, local_day, moment
from sojourn.domain.coupon_codes import check_pattern
from sojourn.domain.errors import BadInput, UnknownName
from sojourn.domain.list_name import is_list_name

FILE = "coupons.toml"
_ONE_SECOND = timedelta(seconds=1)
_LONGEST = 3650
_Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]


class _Table(BaseModel):
    """One pool, as the file has it."""

    model_config = ConfigDict(extra="forbid")

    pattern: str = ""
    valid_for: Annotated[int | None, Field(strict=True, ge=0, le=_LONGEST)] = None
    last_day: Annotated[date | None, Field(strict=True)] = None
    low_water: Annotated[int, Field(strict=True, ge=0)] = 0
    percent: Annotated[Decimal | None, Field(gt=0, le=100)] = None
    gives: dict[str, _Words] = {}


@dataclass(frozen=True)
class Pool:
    """Codes that give the same.

    Args:
        name: as messages name it: ``spring``.
        pattern: of codes that are made here; empty: they are imported.
        valid_for: calendar days, in the customer's zone, that a code is good for after the day of
            the message; None: as long as the pool.
        last_day: the last day of all its codes, in each customer's zone; None: there is none.
        low_water: with fewer free codes there is an alert; 0: there is none.
        percent: what a code takes off; None: something else.
        gives: what a code gives, by language.
    """

    name: str
    pattern: str = ""
    valid_for: int | None = None
    last_day: date | None = None
    low_water: int = 0
    percent: Decimal | None = None
    gives: Mapping[str, str] = field(default_factory=dict)

    def until(self, now: datetime, tz: ZoneInfo) -> datetime | None:
        """Return the last second in which a code that leaves now is good; None: it has no end.

        Args:
            now: when the message is decided on.
            tz: the customer's zone, by whose calendar days are counted.

        Returns:
            The last second of a day there, in UTC.
        """
        days = [self.last_day] if self.last_day is not None else []
        if self.valid_for is not None:
            days.append(local_day(now, tz) + self.valid_for * DAY)
        if not days:
            return None
        return moment(min(days) + DAY, time(), tz) - _ONE_SECOND

    def is_over(self, now: datetime, tz: ZoneInfo) -> bool:
        """Tell whether the last day of all its codes is past where the customer lives."""
        return self.last_day is not None and local_day(now, tz) > self.last_day

    def gives_in(self, languages: Iterable[str]) -> str:
        """Return what a code gives, in the first of these languages that has it; may be empty."""
        return next((self.gives[tag] for tag in languages if tag in self.gives), "")


@dataclass(frozen=True)
class Coupon:
    """A code that a message hands out.

    Args:
        pool: where it is from.
        code: as the customer types it.
        until: the last second in which it is good; None: it has no end.
    """

    pool: Pool
    code: str
    until: datetime | None = None


@dataclass(frozen=True)
class Pools(Mapping[str, Pool]):
    """The pools of a project by their names, in the order of the file; none without a file."""

    listed: Mapping[str, Pool] = field(default_factory=lambda: MappingProxyType({}))

    def __getitem__(self, name: str) -> Pool:
        return self.listed[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.listed)

    def __len__(self) -> int:
        return len(self.listed)

    def named(self, name: str) -> Pool:
        """Return the pool of this name.

        Raises:
            UnknownName: there is none; the message offers the nearest.
        """
        if name not in self.listed:
            raise UnknownName("pool of coupons", name, self.listed, hint=f"{FILE} lists none")
        return self.listed[name]

    def missing(self, languages: Iterable[str]) -> list[str]:
        """List the words that pools lack in the languages that a project declares.

        Args:
            languages: ``("en", "pl")``.

        Returns:
            What to write: ``coupons.toml: spring.gives.pl``. A pool that says nowhere what its
            codes give need not say it in one language.
        """
        return [
            f"{FILE}: {pool.name}.gives.{language}"
            for pool in self.listed.values()
            for language in languages
            if pool.gives and language not in pool.gives
        ]


def read_pools(tables: Mapping[str, Any]) -> Pools:
    """Read the tables of a ``coupons.toml``.

    Args:
        tables: the parsed file.

    Returns:
        The pools.

    Raises:
        BadInput: one line that names the entry at fault: ``spring.pattern: ...``.
    """
    return Pools(MappingProxyType({name: _pool(name, table) for name, table in tables.items()}))


def _pool(name: str, table: Any) -> Pool:
    if not is_list_name(name):
        raise BadInput(f'"{name}" cannot name a pool: write it like "spring" or "spring-2027"')
    if not isinstance(table, dict):
        raise BadInput(f"{name}: is not a table: write [{name}], and its valid_for below")
    try:
        read = _Table.model_validate(table)
    except ValidationError as error:
        raise BadInput(f"{name}{_fault(error)}") from None
    if read.pattern:
        try:
            check_pattern(read.pattern)
        except BadInput as error:
            raise BadInput(f"{name}.pattern: {error}") from None
    return Pool(name=name, **{**read.model_dump(), "gives": MappingProxyType(read.gives)})


def _fault(error: ValidationError) -> str:
    """Return the first fault of a table, with its place."""
    fault = error.errors(include_url=False)[0]
    place = "".join(f".{part}" for part in fault["loc"] if not isinstance(part, int))
    match fault["type"]:
        case "extra_forbidden":
            *most, last = _Table.model_fields
            return f"{place}: no such entry: a pool has {', '.join(most)} and {last}"
        case "dict_type":
            return f'{place}: must be by language: write {place[1:]}.en = "..."'
        case "date_type":
            return f"{place}: must be a day, without quotes: {place[1:]} = 2027-05-31"
        case _:
            return f"{place}: {fault['msg'][:1].lower()}{fault['msg'][1:]}"
