"""Set and end switches, and show their effect."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated

import typer

from sojourn.cli.by_hand import check_words
from sojourn.cli.here import Here
from sojourn.cli.output import show_line
from sojourn.domain.errors import BadInput, StoreUnavailable, UnknownName
from sojourn.domain.switches import Part, Scope, first
from sojourn.project import Project
from sojourn.store import Store, switches
from sojourn.store.tables import SwitchRow

Target = Annotated[str, typer.Argument(metavar="journey|topic|all", help="The reach of it.")]
Name = Annotated[
    str | None, typer.Argument(metavar="NAME", help="Of the journey or the topic; none for all.")
]
Entries = Annotated[bool, typer.Option("--entries", help="Only entries: no event starts a run.")]
Sends = Annotated[bool, typer.Option("--sends", help="Only sends: no message leaves.")]


class Act(StrEnum):
    """An operator's act."""

    PAUSE = "pause"
    CLOSE = "close"
    RESUME = "resume"


async def switch(
    here: Here,
    act: Act,
    what: str,
    name: str | None,
    parts: Sequence[Part],
    *,
    why: str,
    by: str,
) -> None:
    """Set or end a switch, and print what applies from then on.

    Args:
        here: the project and the settings.
        act: the act.
        what: journey, topic or all, as typed.
        name: the name as typed.
        parts: the parts to hold back or resume.
        why: the operator's words.
        by: the operator's name.

    Raises:
        BadInput: the arguments are ambiguous, or nothing has that name.
        StoreUnavailable: the switch is stored, but an earlier claim is still under way.
    """
    check_words(why, by, here.project)
    async with here.store() as store:
        scope, target = await _meant(store, here.project, what, name, act)
        async with store.transaction() as session:
            if act is Act.RESUME:
                ended = await switches.end(session, scope, target, parts, because=why, by=by)
            else:
                await switches.begin(
                    session, scope, target, parts, closed=act is Act.CLOSE, because=why, by=by
                )
        settled = await switches.settle(store)
        async with store.reading() as session:
            on = await switches.on(session)
    here_on = [row for row in on if (row.scope, row.name) == (scope.value, target)]
    subject = subject_of(scope, target)
    if act is Act.RESUME:
        said = "goes on" if ended else "was not held back"
        show_line(f"{subject} {said}" + _rest(here_on))
        _remark(scope, target, on, here.project)
    else:
        for row in here_on:
            show_line(f"{subject}: {in_words(row)}")
    if not settled:
        raise StoreUnavailable(
            "the switch holds for every claim that begins now, but one that began before it has "
            "not ended: some worker stands still; the same command again waits for it"
        )


def read_parts(*, entries: bool, sends: bool) -> tuple[Part, ...]:
    """Return the parts for the two options; both if neither is given."""
    chosen = [part for part, wanted in ((Part.ENTRIES, entries), (Part.SENDS, sends)) if wanted]
    return tuple(chosen or Part)


def subject_of(scope: Scope, name: str) -> str:
    """Return the subject of a switch, in words."""
    return "everything" if scope is Scope.ALL else f"{scope} {name}"


def in_words(row: SwitchRow) -> str:
    """Return what a switch holds back, since when, who set it and why, in words."""
    if row.part == Part.SENDS:
        does = "messages wait"
    else:
        does = "closed: no event starts a run" if row.closed else "no event starts a run"
    return f"{does}, since {row.since:%Y-%m-%d %H:%M} UTC by {row.by}: {row.because}"


async def check_entries(store: Store, project: Project, journey: str) -> None:
    """Check that an event can start a run of a journey now.

    Args:
        store: the open store.
        project: the project with its journeys.
        journey: the name of the journey.

    Raises:
        BadInput: an operator holds its entries back; the message says who, why and the remedy.
    """
    async with store.reading() as session:
        on = [switches.switch(row) for row in await switches.on(session, Part.ENTRIES)]
    held = first(on, journey=journey, topics=[project.journeys[journey].topic])
    if held is not None:
        what = " ".join(filter(None, (held.scope, held.name)))
        raise BadInput(
            f"no run of {journey} starts since {held.since:%Y-%m-%d %H:%M} UTC, by {held.by}: "
            f"{held.because}; `sojourn resume {what}` ends that"
        )


def topics_of(project: Project) -> set[str]:
    """Return the topics that the project, its journeys or their messages name."""
    return set(project.topics) | {
        topic
        for journey in project.journeys.values()
        for topic in (journey.topic, *(message.topic for message in journey.messages))
        if topic
    }


async def _meant(
    store: Store, project: Project, what: str, name: str | None, act: Act
) -> tuple[Scope, str]:
    if what not in list(Scope):
        raise UnknownName("switch", what, [scope.value for scope in Scope])
    scope = Scope(what)
    if scope is Scope.ALL:
        if name is not None:
            raise BadInput(f"all takes no name: sojourn {act} {scope} holds for every journey")
        return scope, ""
    known = set(project.journeys) if scope is Scope.JOURNEY else topics_of(project)
    if name is None:
        raise BadInput(f"which {scope}? Choose one of: {', '.join(sorted(known)) or 'none'}")
    if act is Act.RESUME and name not in known:
        # a journey may have been renamed since
        async with store.reading() as session:
            known |= {row.name for row in await switches.on(session) if row.scope == scope}
    if name not in known:
        raise UnknownName(scope, name, known)
    return scope, name


def _rest(on: Sequence[SwitchRow]) -> str:
    return "".join(f"; still held back: {in_words(row)}" for row in on)


def _remark(scope: Scope, name: str, on: Sequence[SwitchRow], project: Project) -> None:
    """Print the other switches that still hold back what was resumed."""
    topics = {name} if scope is Scope.TOPIC else set()
    if scope is Scope.JOURNEY and (journey := project.journeys.get(name)) is not None:
        topics |= {journey.topic, *(m.topic for m in journey.messages if m.topic)}
    for row in on:
        if (row.scope, row.name) == (scope.value, name):
            continue
        concerned = scope is Scope.ALL or row.scope == Scope.ALL
        if concerned or (row.scope == Scope.TOPIC and row.name in topics):
            show_line(f"{subject_of(Scope(row.scope), row.name)} is still on hold: {in_words(row)}")
