"""Shipped journeys, altered as an author alters them: in the text of their files.

The sandbox of a worker loads a journey's file, and so each altered one is written out as a module.
"""

import ast
import importlib
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

from sojourn.journeys.journey import Journey
from sojourn.journeys.registry import Journeys
from sojourn.project import Project
from tests.support.project import WHOLE

STEPS: dict[str, tuple[str, str, int]] = {
    "abandoned-cart": ("nudge", "nudge", 2),
    "after-purchase": ("offer", "review", 2),
    "appointment": ("soon", "soon", 3),
    "browse-abandonment": ("reminder", "reminder", 1),
    "delivery": ("shipped", "shipped", 1),
    "double-opt-in": ("reminder", "reminder", 2),
    "login-code": ("code", "code", 1),
    "loyalty": ("balance", "balance", 1),
    "loyalty-tier": ("congratulations", "congratulations", 1),
    "onboarding": ("tips", "tips", 3),
    "order-confirmed": ("receipt", "receipt", 2),
    "payment-due": ("overdue", "overdue", 1),
    "points-expiring": ("in_two_days", "in_two_days", 2),
    "product-watch": ("price_dropped", "price_dropped", 1),
    "renewal": ("today", "today", 3),
    "service-recovery": ("follow_up", "follow_up", 3),
    "trial": ("ending", "ending", 4),
    "two-way": ("where", "where", 1),
    "win-back": ("offer", "question", 2),
}
"""For each journey the message that is renamed, the one whose words an inserted step says, and the
place of that step: before the statement with this number, among those that send."""
AT_ONCE = {"login-code": "minutes(4)", "loyalty-tier": "hours(1)", "order-confirmed": "hours(1)"}
"""The delay before that statement of journeys that had none."""
FROZEN = 'trait("frozen").one_of(True).or_if_unknown(False)'
IMPORTS = "from sojourn import days, hours, minutes, trait\n"
Edit = Callable[[ast.ClassDef, str], None]


def later(journey: ast.ClassDef, name: str) -> None:
    """Have every wait last half as long again, or a day longer where it ends on a day."""
    _delay(journey, name, by=1.5, days=1)


def sooner(journey: ast.ClassDef, name: str) -> None:
    """Have every wait last half as long, or a day shorter where it ends on a day."""
    _delay(journey, name, by=0.5, days=-1)


def inserted(journey: ast.ClassDef, name: str) -> None:
    """Insert a step, as one is to: runs that are past it do without."""
    _say(journey, name, 'if self.patched("inserted"):\n    await self.send(self.inserted)')


def added(journey: ast.ClassDef, name: str) -> None:
    """Insert a step as one is not to: runs that are past it break."""
    _say(journey, name, "await self.send(self.inserted)")


def asked(journey: ast.ClassDef, name: str) -> None:
    """Ask about the customer before a step, as one is to, and say nothing more to some."""
    condition = f'if self.patched("asked") and await self.ask({FROZEN}):\n    return'
    _before(journey, STEPS[name][2], condition)


def conditioned(journey: ast.ClassDef, name: str) -> None:
    """Have the gate ask about the customer before each message."""
    del name
    _keyword(journey, "stays_if", f"~{FROZEN}")


def entering(journey: ast.ClassDef, name: str) -> None:
    """Have some customers no longer enter; a renewal, which its goal begins, stays silent then."""
    _keyword(journey, "stays_if" if name == "renewal" else "enters_if", f"~{FROZEN}")


def renamed(journey: ast.ClassDef, name: str) -> None:
    """Give a step another name: runs that are past it break."""
    old = STEPS[name][0]
    _message(journey, old).keywords.append(_template(old))
    for node in ast.walk(journey):
        if isinstance(node, ast.Name) and node.id == old:
            node.id = "renamed"
        elif isinstance(node, ast.Attribute) and node.attr == old and _is_self(node.value):
            node.attr = "renamed"


EDITS: dict[str, Edit] = {
    one.__name__: one
    for one in (later, sooner, inserted, added, asked, conditioned, entering, renamed)
}


def altered(folder: Path, edits: Mapping[str, str]) -> Project:
    """Return the project that ships, with one change in each of its journeys.

    Args:
        folder: for their modules; its name is no other one's.
        edits: the name of the change, one of `EDITS`, by journey.

    Returns:
        The project.
    """
    package = folder / f"altered_{folder.name}".replace("-", "_")
    package.mkdir(parents=True)
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    made = [_altered(journey, edits[name], package) for name, journey in WHOLE.journeys.items()]
    return replace(WHOLE, journeys=Journeys(made))


def _altered(journey: type[Journey], edit: str, package: Path) -> type[Journey]:
    file = Path(inspect.getfile(journey))
    module = ast.parse(file.read_text())
    (found,) = (
        one for one in module.body if isinstance(one, ast.ClassDef) and one.name == journey.__name__
    )
    EDITS[edit](found, journey.name)
    written = IMPORTS + ast.unparse(ast.fix_missing_locations(module))
    assert written != IMPORTS + ast.unparse(ast.parse(file.read_text())), f"{file} as it was"
    (package / file.name).write_text(written)
    made = importlib.import_module(f"{package.name}.{file.stem}")
    altered: type[Journey] = getattr(made, journey.__name__)
    return altered


def _delay(journey: ast.ClassDef, name: str, *, by: float, days: int) -> None:
    for function in _functions(journey):
        for node in ast.walk(function):
            if isinstance(node, ast.Call):
                _lengthen(node, by, days)
    if name in AT_ONCE:
        sleep = f'if self.patched("delay"):\n    await self.sleep({AT_ONCE[name]} * {by})'
        _before(journey, STEPS[name][2], sleep)


def _lengthen(call: ast.Call, by: float, days: int) -> None:
    match ast.unparse(call.func):
        case "days" | "hours":
            call.args = [_expression(f"{ast.unparse(call.args[0])} * {by}")]
        case "minutes":  # else it would be the same moment
            call.args = [_expression(f"{ast.unparse(call.args[0])} * {6 * by}")]
        case "business_days":
            call.args = [_expression(f"{ast.unparse(call.args[0])} + {days}")]
        case "day_of_month":
            call.args = [_expression(f"{ast.unparse(call.args[0])} + {2 + days}")]
        case "self.local" | "at":
            for keyword in call.keywords:
                if keyword.arg == "days":
                    keyword.value = _expression(f"{ast.unparse(keyword.value)} + {days}")


def _say(journey: ast.ClassDef, name: str, statement: str) -> None:
    _, what, before = STEPS[name]
    message = deepcopy(_message(journey, what))
    message.keywords.append(_template(what))
    place = next(n for n, one in enumerate(journey.body) if _declared(one) is not None)
    one = ast.Assign([ast.Name("inserted", ast.Store())], message)
    journey.body.insert(place, one)
    _before(journey, before, statement)


def _before(journey: ast.ClassDef, number: int, statement: str) -> None:
    """Put a statement before the one that sends and has this number."""
    found = [place for function in _functions(journey) for place in _sending(function)]
    statements, at = found[number - 1]
    statements[at:at] = ast.parse(statement).body


def _sending(node: ast.AST) -> Iterator[tuple[list[ast.stmt], int]]:
    for name in ("body", "orelse"):
        statements: list[ast.stmt] = getattr(node, name, [])
        for at, one in enumerate(statements):
            if hasattr(one, "body"):
                yield from _sending(one)
            elif "await self.send(" in ast.unparse(one):
                yield statements, at


def _keyword(journey: ast.ClassDef, name: str, condition: str) -> None:
    for keyword in journey.keywords:
        if keyword.arg == name:
            both = f"({ast.unparse(keyword.value)}) & {condition}"
            keyword.value = _expression(both)
            return
    journey.keywords.append(ast.keyword(name, _expression(condition)))


def _functions(journey: ast.ClassDef) -> list[ast.AST]:
    return [one for one in journey.body if isinstance(one, ast.AsyncFunctionDef | ast.FunctionDef)]


def _message(journey: ast.ClassDef, name: str) -> ast.Call:
    (found,) = (call for one in journey.body if (call := _declared(one, name)) is not None)
    return found


def _declared(statement: ast.stmt, name: str = "") -> ast.Call | None:
    """Return the call that a statement declares a message by."""
    if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Call):
        (target,) = statement.targets
        if ast.unparse(statement.value.func) == "Message" and name in ("", ast.unparse(target)):
            return statement.value
    return None


def _template(name: str) -> ast.keyword:
    return ast.keyword("template", ast.Constant(name.replace("_", "-")))


def _is_self(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and node.id == "self"


def _expression(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body
