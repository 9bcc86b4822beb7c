"""Joining: the ways that runs have taken, as one graph with conditions at its arrows."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from sojourn.insight.drawing.entering import rules_of
from sojourn.insight.drawing.phrasing import IT_DEPENDS, answers, flat, is_own, question
from sojourn.insight.drawing.picture import Arrow, Node, Picture, Shape
from sojourn.insight.drawing.telling_apart import Case, Fork, Leaf, told_apart
from sojourn.insight.drawing.watching import message_lines
from sojourn.insight.drawing.ways import ANSWER, FROM, SAID, Feature, Spot, Way, name_of, the_end
from sojourn.journeys.journey import Journey

FEW = 3
"""Arrows for one sudden event, from the places where it makes a difference; more are too many."""
MOST_TARGETS = 2
"""Steps that begin again may go on in several places, by where they were. So many are drawn; of
more, the picture says no more than that the plan goes on."""
AGAIN = Spot((), Node(Shape.END, ("on with what is left", "of the plan")))
Arrows = dict[Spot, dict[Spot, str]]
"""The targets of each spot, with the words at the arrows to them."""


@dataclass
class _Graph:
    """A graph that is being joined.

    Args:
        arrows: between the spots of the steps.
        beside: from events that may happen at any time.
        nodes: of spots that are drawn otherwise than they are noted.
    """

    arrows: Arrows = field(default_factory=dict)
    beside: Arrows = field(default_factory=dict)


def join(journey: type[Journey], ways: Sequence[Way]) -> Picture:
    """Join the ways through a journey.

    Args:
        journey: the journey.
        ways: all that were found.

    Returns:
        The picture.
    """
    graph = _Graph()
    _join_steps(graph, ways)
    _join_sudden(graph, ways)
    _enter(graph, journey)
    graph = _merged(graph)
    return _numbered(journey, graph)


# ---- the steps -----------------------------------------------------------------------------


def _join_steps(graph: _Graph, ways: Iterable[Way]) -> None:
    by_source: dict[Spot, list[Way]] = {}
    for way in ways:
        if way.sudden is None:
            by_source.setdefault(way.source, []).append(way)
    for spot, some in by_source.items():
        runs = [(dict(way.met), way.target) for way in some]
        graph.arrows |= _decisions(spot, runs, answer_of(spot))


def _decisions(spot: Spot, runs: Iterable[tuple[dict[Feature, str], Spot]], own: Feature) -> Arrows:
    """Return the arrows from a spot, and from the decisions that come after it.

    Args:
        spot: the spot.
        runs: what each had met there, and where it went.
        own: the answer that the spot has given.
    """
    numbers: dict[Spot, int] = {}
    cases = [Case(met, numbers.setdefault(to, len(numbers))) for met, to in runs]
    targets, arrows = list(numbers), Arrows()

    def leave(source: Spot, words: str, tree: Leaf[int] | Fork[int]) -> None:
        if isinstance(tree, Fork) and tree.feature[0] in (FROM, SAID) and _is_wide(tree):
            _add(arrows.setdefault(source, {}), AGAIN, words)
        elif isinstance(tree, Leaf):
            for target in tree.targets:
                said = words if len(tree.targets) == 1 else _and(words, IT_DEPENDS)
                _add(arrows.setdefault(source, {}), targets[target], said)
        elif is_own(tree.feature, own):
            for answer, branch in answers(tree, named=False):
                leave(source, _and(words, answer), branch)
        else:
            place = (*spot.place, ("; ".join(spot.node.lines), len(arrows), 0))
            decision = Spot(place, Node(Shape.QUESTION, (question(tree),)))
            _add(arrows.setdefault(source, {}), decision, words)
            arrows[decision] = {}
            for answer, branch in answers(tree):
                leave(decision, answer, branch)

    leave(spot, "", told_apart(cases, own))
    return arrows


def _is_wide(tree: Leaf[int] | Fork[int]) -> bool:
    """Tell whether there are so many targets that a picture of them all would tell nobody much."""
    return len({target for _, some in flat(tree) for target in some}) > MOST_TARGETS


def _and(one: str, other: str) -> str:
    return ", ".join(words for words in (one, other) if words)


def answer_of(spot: Spot) -> Feature:
    """Return the name of the answer that a spot gives."""
    return (ANSWER, str(spot.place), *spot.node.lines)


# ---- sudden events -------------------------------------------------------------------------


def _join_sudden(graph: _Graph, ways: Sequence[Way]) -> None:
    """Join what may happen at any time: goals, ends, restarts."""
    everywhere = dict.fromkeys(way.source for way in ways if way.source.takes_time)
    beside: dict[tuple[str, Spot], list[str]] = {}
    for event in dict.fromkeys(way.sudden[0] for way in ways if way.sudden):
        own = [way for way in ways if way.sudden and way.sudden[0] == event]
        for said, some in _by_traits(event, own):
            sources = dict.fromkeys(way.source for way in some)
            when = _when(event, [spot for spot in everywhere if spot not in sources])
            if not when and len(sources) <= FEW:
                for way in some:
                    _add(graph.arrows.setdefault(way.source, {}), way.target, said)
                continue
            runs = [({**dict(way.met), (FROM,): name_of(way.source)}, way.target) for way in some]
            reached = dict.fromkeys(target for _, target in runs)
            when = when or "where it makes a difference"
            spot = Spot((), Node(Shape.EVENT, (said, when)))
            if len(reached) == 1:
                beside.setdefault((when, next(iter(reached))), []).append(said)
            else:
                graph.beside |= _decisions(spot, runs, (FROM, "none"))
    for (when, target), events in beside.items():
        spot = Spot((), Node(Shape.EVENT, (" or ".join(events), when)))
        graph.beside[spot] = {target: ""}


def _when(event: str, missing: Sequence[Spot]) -> str:
    """Say when an event makes a difference, if there are only those places where it makes none."""
    if not missing:
        return "at any time"
    if all(spot.node.lines[0].endswith(f"the last {event}") for spot in missing):
        return "at any other time"
    return ""


def _add(targets: dict[Spot, str], target: Spot, words: str) -> None:
    """Add words to an arrow; they are another reason to take it."""
    before = targets.get(target)
    if before is None:
        targets[target] = words
    elif words not in before.split(" or "):
        targets[target] = f"{before} or {words}" if before else words


def _by_traits(event: str, ways: Sequence[Way]) -> Iterator[tuple[str, list[Way]]]:
    """Yield the ways of an event, in groups by those of its traits that make a difference."""
    by_traits: dict[tuple[str, ...], list[Way]] = {}
    for way in ways:
        assert way.sudden is not None
        by_traits.setdefault(way.sudden[1], []).append(way)
    cases = [
        Case(
            {("trait", str(n)): trait for n, trait in enumerate(traits)},
            _reached(some),
        )
        for traits, some in by_traits.items()
    ]
    for words, found in flat(told_apart(cases, ("trait",))):
        targets = found[0]
        own = [
            way
            for t, some in by_traits.items()
            for way in some
            if _reached(by_traits[t]) == targets
        ]
        yield _and(event, words), own


def _reached(ways: Iterable[Way]) -> frozenset[Spot]:
    return frozenset(way.target for way in ways)


# ---- the whole -----------------------------------------------------------------------------


def _enter(graph: _Graph, journey: type[Journey]) -> None:
    """Draw what starts a run, and the rules of entry between that and its first step."""
    by_targets: dict[tuple[tuple[Spot, str], ...], list[str]] = {}
    for spot in [spot for spot in graph.arrows if spot.node.shape is Shape.START]:
        targets = tuple(graph.arrows.pop(spot).items())
        by_targets.setdefault(targets, []).append(spot.node.lines[0])
    rules = rules_of(journey.terms)
    arrows: Arrows = {}
    for targets, events in by_targets.items():
        start = Spot((), Node(Shape.START, (" or ".join(events),)))
        if not rules:
            arrows[start] = dict(targets)
            continue
        door = Spot((("", len(arrows), 0),), Node(Shape.QUESTION, ("may it start?", *rules)))
        arrows[start] = {door: ""}
        arrows[door] = {target: words or "yes" for target, words in targets}
        arrows[door][the_end("no run")] = "no"
    graph.arrows = {**arrows, **graph.arrows}


def _merged(graph: _Graph) -> _Graph:
    """Draw spots as one that look the same and from which everything goes on the same."""
    every = {**graph.arrows, **graph.beside}
    spots = dict.fromkeys([*every, *(target for to in every.values() for target in to)])
    kind: dict[Spot, object] = {spot: spot.node for spot in spots}
    while True:
        finer: dict[Spot, object] = {
            spot: (
                kind[spot],
                frozenset((words, kind[to]) for to, words in every.get(spot, {}).items()),
            )
            for spot in spots
        }
        numbers: dict[object, int] = {}
        finer = {spot: numbers.setdefault(value, len(numbers)) for spot, value in finer.items()}
        if len(set(finer.values())) == len(set(kind.values())):
            break
        kind = finer
    first: dict[object, Spot] = {}
    for spot in spots:
        first.setdefault(kind[spot], spot)

    def one(arrows: Arrows) -> Arrows:
        return {
            spot: {first[kind[to]]: words for to, words in targets.items()}
            for spot, targets in arrows.items()
            if first[kind[spot]] == spot
        }

    return _Graph(one(graph.arrows), one(graph.beside))


def _steps(journey: type[Journey]) -> list[str]:
    """Return the messages that a journey declares, as pictures call them."""
    return [message_lines(one, journey.topic)[0] for one in journey.messages]


def _drawn(nodes: Iterable[Node]) -> set[str]:
    return {node.lines[0] for node in nodes if node.shape is Shape.MESSAGE}


def _numbered(journey: type[Journey], graph: _Graph) -> Picture:
    """Return the picture, its nodes in the order in which a reader meets them."""
    every = {**graph.arrows, **graph.beside}
    order: dict[Spot, None] = {}
    begin = [spot for spot in every if spot.node.shape in (Shape.START, Shape.EVENT)]
    for first in begin:
        todo = [first]
        while todo:
            spot = todo.pop()
            if spot not in order:
                order[spot] = None
                todo += reversed(every.get(spot, {}))
    numbers = {spot: n for n, spot in enumerate(order)}
    arrows = [
        Arrow(numbers[spot], numbers[target], words)
        for spot in order
        for target, words in every.get(spot, {}).items()
    ]
    nodes = [spot.node for spot in order]
    left_out = [one for one in _steps(journey) if one not in _drawn(nodes)]
    if left_out:
        nodes.append(Node(Shape.NOTE, ("no way was found to", ", ".join(left_out))))
    if journey.terms.stays_if is not None:
        nodes.append(Node(Shape.NOTE, ("a message leaves only if", str(journey.terms.stays_if))))
    return Picture(journey.name, tuple(nodes), tuple(arrows))
