"""Facts as SQL: each clause becomes an expression that is true, false or NULL, as it is judged.

SQL's AND, OR and NOT follow Kleene's logic, so whole facts need nothing more.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from operator import eq, ge, gt, le, lt, ne
from types import MappingProxyType
from typing import Any

from sqlalchemy import (
    Double,
    Integer,
    Select,
    String,
    and_,
    case,
    cast,
    exists,
    false,
    func,
    literal,
    not_,
    null,
    or_,
    select,
    true,
)
from sqlmodel import SQLModel

from sojourn.domain.facts import OfEvents
from sojourn.domain.facts.anniversaries import day_asked, kept_on
from sojourn.domain.facts.answers import enough
from sojourn.domain.facts.events import LARGEST_AMOUNT, MILLIONTHS
from sojourn.domain.facts.nodes import (
    Ago,
    Agrees,
    AllOf,
    Anniversary,
    AnyOf,
    Compare,
    Contains,
    CountOf,
    Fact,
    FieldOf,
    Known,
    Listed,
    Measure,
    Not,
    OfCampaign,
    OneOf,
    Otherwise,
    TimeOf,
    TotalOf,
    TraitOf,
    WrittenTo,
)
from sojourn.domain.facts.values import Kind, Value
from sojourn.domain.states import WAITING, MessageState
from sojourn.domain.traits import card_field
from sojourn.store.facts.of_campaigns import became
from sojourn.store.facts.readings import OfCard, OnPostgresql, OnSqlite, Reading, Sql, literal_of

EVENTS = SQLModel.metadata.tables["events"]
LISTED = SQLModel.metadata.tables["listed"]
CUSTOMERS = SQLModel.metadata.tables["customers"]
LEDGER = SQLModel.metadata.tables["ledger"]
_OPERATORS: Mapping[str, Callable[[Any, Any], Any]] = MappingProxyType(
    {"==": eq, "!=": ne, "<": lt, "<=": le, ">": gt, ">=": ge}
)
_SINCE = {"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
"""The time since a moment is longer where the moment is earlier."""


@dataclass(frozen=True)
class Clauses:
    """Makes the expressions of facts.

    Args:
        postgresql: write them for PostgreSQL; else for SQLite.
        now: the moment at which facts are judged.
        customer_id: the customer whose events count: a column, or one id.
        agrees: gives the expression of a consent.
        event: the alias of the events table whose fields ``where`` reads.
    """

    postgresql: bool
    now: datetime
    customer_id: Any
    agrees: Callable[[Agrees], Sql]
    event: Any = None

    def of(self, fact: Fact) -> Sql:
        """Return the expression of a fact."""
        match fact:
            case AllOf(parts=parts):
                return and_(*map(self.of, parts))
            case AnyOf(parts=parts):
                return or_(*map(self.of, parts))
            case Not(part=part):
                return not_(self.of(part))
            case Otherwise(part=part, answer=answer):
                return func.coalesce(self.of(part), true() if answer else false())
        return self._clause(fact)

    def _clause(self, fact: Fact) -> Sql:
        match fact:
            case Agrees() | Listed() | WrittenTo() | Anniversary() | OfCampaign():
                found = self._of_customer(fact)
            case Known(of=of):
                found = self._is_known(of)
            case Ago(of=of, op=op, span=span):
                then = literal(self.now - span, EVENTS.c.occurred_at.type)
                found = _OPERATORS[_SINCE[op]](self.moment(of), then)
            case Contains(of=of, text=wanted):
                found = self._contains(of, wanted)
            case OneOf(of=of, values=values):
                of_one_kind = [self._literal(value) for value in values]
                found = self._single(of, values[0].kind).in_(of_one_kind)
            case Compare(of=CountOf() as of):
                found = self._counted(of, fact)
            case Compare(of=TotalOf() as of, op=op, value=value):
                found = _OPERATORS[op](self.sum(of), self._literal(value))
            case Compare(of=of, op=op, value=value):
                found = _OPERATORS[op](self._single(of, value.kind), self._literal(value))
            case _:
                raise AssertionError(f"no such fact: {type(fact)}")
        return found

    def _of_customer(self, fact: Agrees | Listed | WrittenTo | Anniversary | OfCampaign) -> Sql:
        match fact:
            case Agrees():
                return self.agrees(fact)
            case Anniversary():
                return self._comes_round(fact)
            case OfCampaign():
                return became(fact, self.now, self.customer_id, postgresql=self.postgresql)
            case WrittenTo():
                return exists(wrote(fact, self.now, self.customer_id).correlate(CUSTOMERS))
        return exists(
            select(literal(1))
            .select_from(LISTED)
            .where(LISTED.c.list == fact.name, LISTED.c.customer_id == self.customer_id)
            .correlate(CUSTOMERS)
        )

    def _comes_round(self, fact: Anniversary) -> Sql:
        day = day_asked(fact, self.now)
        if isinstance(fact.of, TimeOf):
            then = self.moment(fact.of)
            written: Sql = (
                func.to_char(func.timezone("UTC", then), "YYYY-MM-DD", type_=String())
                if self.postgresql
                else func.substr(cast(then, String()), 1, 10, type_=String())
            )
        else:
            written = self._reading(fact.of).as_date()
        return and_(
            func.substr(written, 6).in_(kept_on(day, fact.leap)),
            func.substr(written, 1, 4, type_=String()) < f"{day.year:04}",
        )

    # ---- measures of events ----------------------------------------------------------------

    def number(self, of: CountOf, *, maybe: bool, most: int | None) -> Sql:
        """Return the expression of a number of events.

        Args:
            of: the events to count.
            maybe: include events for which ``where`` is unknown.
            most: stop counting here; None: count all.

        Returns:
            A subquery.
        """
        rows = self._rows(of, maybe=maybe).limit(most).subquery()
        return select(func.count()).select_from(rows).scalar_subquery()

    def ends(self, of: TimeOf) -> tuple[Sql, Sql]:
        """Return the moments of the event that is meant, and of the one that may be meant."""
        pick = func.max if of.which == "last" else func.min
        found = []
        for maybe in (False, True):
            rows = self._rows(of, maybe=maybe)
            (at,) = (column for column in rows.selected_columns if column.name == "occurred_at")
            found.append(rows.with_only_columns(pick(at)).scalar_subquery())
        return found[0], found[1]

    def moment(self, of: TimeOf) -> Sql:
        """Return the moment; NULL if there is no event, or none is certain."""
        sure, maybe = self.ends(of)
        return sure if of.where is None else case((sure == maybe, sure))

    def sum(self, of: TotalOf) -> Sql:
        """Return the sum; NULL if an event that is or may be meant does not tell its part."""
        each = self._readings(of, of.field)
        number = each.c.number
        millionths = number * literal(float(MILLIONTHS), Double())
        rounded = millionths + case((number >= 0, 0.5), else_=-0.5)
        whole: Sql = (
            func.trunc(rounded, type_=Double())
            if self.postgresql
            else cast(cast(rounded, Integer()), Double())
        )
        exact = and_(func.abs(number) < LARGEST_AMOUNT, each.c.meant)
        amount = case((exact, whole))
        summed = func.coalesce(func.sum(amount), 0.0, type_=Double()) / literal(
            float(MILLIONTHS), Double()
        )
        found = case((func.count() == func.count(amount), summed))
        maybe = func.coalesce(each.c.meant, true())
        return select(found).select_from(each).where(maybe).scalar_subquery()

    def _readings(self, of: OfEvents, number: FieldOf | None = None) -> Any:
        """Return for each event whether it is meant, and the number in one of its fields.

        The offset keeps PostgreSQL from reading the JSON wherever such a value is used.
        """
        event = EVENTS.alias()
        inner = replace(self, event=event)
        columns = [(true() if of.where is None else inner.of(of.where)).label("meant")]
        if number is not None:
            columns.append(inner._single(number, Kind.NUMBER).label("number"))  # noqa: SLF001
        rows = self._rows(of.model_copy(update={"where": None}), maybe=True, event=event)
        return rows.with_only_columns(*columns).offset(0).subquery()

    def _rows(self, of: OfEvents, *, maybe: bool, event: Any = None) -> Select[Any]:
        event = EVENTS.alias() if event is None else event
        original = EVENTS.alias()
        query = (
            select(event.c.occurred_at)
            .where(
                event.c.customer_id == self.customer_id,
                event.c.name == of.event,
                event.c.occurred_at <= self.now,
                # a copy for another id of a person does not count beside its original
                or_(
                    event.c.copy_of.is_(None),
                    ~exists(
                        select(literal(1))
                        .select_from(original)
                        .where(
                            original.c.message_id == event.c.copy_of,
                            original.c.customer_id == event.c.customer_id,
                        )
                        .correlate(event)
                    ),
                ),
            )
            .correlate(CUSTOMERS)
        )
        within = getattr(of, "within", None)
        if within is not None:
            query = query.where(event.c.occurred_at > self.now - within)
        if of.where is None:
            return query
        meant = replace(self, event=event).of(of.where)
        return query.where(func.coalesce(meant, true()) if maybe else meant)

    def _counted(self, of: CountOf, fact: Compare) -> Sql:
        compare, wanted = _OPERATORS[fact.op], int(fact.value.value)
        if of.where is None:
            return _as_sql(compare(self.number(of, maybe=False, most=enough(fact)), wanted))
        each = self._readings(of)
        low = func.count(case((each.c.meant, 1)))
        high = func.count(case((func.coalesce(each.c.meant, true()), 1)))
        if fact.op in ("==", "!="):
            same, other = (true(), false()) if fact.op == "==" else (false(), true())
            found = case(
                (and_(low == wanted, high == wanted), same),
                (or_(low > wanted, high < wanted), other),
            )
        else:
            ends = compare(low, wanted), compare(high, wanted)
            found = case((and_(*ends), true()), (not_(or_(*ends)), false()))
        return select(found).select_from(each).scalar_subquery()

    # ---- measures of one value -------------------------------------------------------------

    def _is_known(self, of: Measure) -> Sql:
        match of:
            case CountOf():
                return true()
            case TotalOf():
                return self.sum(of).is_not(null())
            case TimeOf():
                return self.moment(of).is_not(null())
            case FieldOf(default=default) if default is not None:
                return true()
        return not_(self._reading(of).is_missing())

    def _contains(self, of: Measure, wanted: str) -> Sql:
        reading, default = self._reading(of), getattr(of, "default", None)
        found = reading.contains(wanted)
        if default is None:
            return found
        stands = literal(isinstance(default.value, str) and wanted in default.value)
        return case((reading.is_missing(), stands), else_=found)

    def _single(self, of: Measure, kind: Kind) -> Sql:
        reading = self._reading(of)
        value = reading.as_kind(kind, of_event=isinstance(of, FieldOf))
        if not isinstance(of, FieldOf):
            return value
        if of.capitals and kind is Kind.TEXT:
            value = func.upper(value)
        if of.default is None:
            return value
        default = self._literal(of.default) if of.default.kind is kind else null()
        return case((reading.is_missing(), default), else_=value)

    def _reading(self, of: Measure) -> Reading:
        on = OnPostgresql if self.postgresql else OnSqlite
        if isinstance(of, FieldOf):
            assert self.event is not None, "a field stands within where="
            return on(self.event.c.properties, (of.name,))
        assert isinstance(of, TraitOf)
        head = of.path[0]
        name = card_field(head)
        if name is None:
            return on(CUSTOMERS.c.attributes, of.path)
        inner = len(of.path) > 1
        return OfCard(literal("") if inner else CUSTOMERS.c[name], self.postgresql)

    def _literal(self, value: Value) -> Sql:
        return literal_of(value, postgresql=self.postgresql)


def wrote(fact: WrittenTo, now: datetime, customer_id: Any) -> Select[Any]:
    """Return the statement that selects the messages of a journey or campaign to a customer.

    Args:
        fact: names the journey or campaign, and the time.
        now: the moment of the judgement: what was decided after it does not count.
        customer_id: a column, or one customer's id.

    Returns:
        The statement.
    """
    return (
        select(literal(1))
        .select_from(LEDGER)
        .where(
            LEDGER.c.customer_id == customer_id,
            LEDGER.c.journey == fact.by,
            LEDGER.c.state.in_((*WAITING, MessageState.SENT, MessageState.UNKNOWN)),
            LEDGER.c.decided_at > now - fact.within,
            LEDGER.c.decided_at <= now,
        )
    )


def _as_sql(expression: Any) -> Sql:
    found: Sql = expression
    return found
