"""Make a script smaller, as long as it breaks what it broke.

Hypothesis could shrink it as well, but knows nothing of stories: it would play hundreds where these
steps play dozens, and each takes as long as a journey's test.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta

from sojourn.testkit.fuzzing.script import AT_ONCE, BEGIN, Act, Publishes, Script

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def shrunk(script: Script, breaks: Callable[[Script], bool]) -> Script:
    """Return the smallest script that is found.

    Args:
        script: breaks an invariant.
        breaks: tells whether another one does, too; False once the time for it is over.

    Returns:
        A script that breaks it: one from which nothing can be left out, if there was time.
    """
    tried: set[str] = set()
    while True:
        for smaller in _smaller(script):
            if (name := repr(smaller)) in tried:
                continue
            tried.add(name)
            if breaks(smaller):
                script = smaller
                break
        else:
            return script


def _smaller(script: Script) -> Iterator[Script]:
    """Yield scripts that are one step smaller, those that leave out most first."""
    yield from (replace(script, acts=acts) for acts in _fewer(script.acts))
    if script.traits:
        yield replace(script, traits={})
    if script.policy is not None:
        yield replace(script, policy=None)
    if script.begin != BEGIN:
        yield replace(script, begin=BEGIN)
    for n, act in enumerate(script.acts):
        for one in _plainer(act):
            yield replace(script, acts=(*script.acts[:n], one, *script.acts[n + 1 :]))
    for rest in (AT_ONCE, DAY, 5 * DAY, 10 * DAY):
        if rest < script.rest:
            yield replace(script, rest=rest)


def _fewer(acts: tuple[Act, ...]) -> Iterator[tuple[Act, ...]]:
    if len(acts) > 3:
        yield acts[: len(acts) // 2]
        yield acts[len(acts) // 2 :]
    for n in reversed(range(len(acts) if len(acts) > 1 else 0)):
        rest = acts[n + 1 :]
        if rest and acts[n].after:  # what comes then keeps its moment
            later = replace(rest[0], after=rest[0].after + acts[n].after)
            yield (*acts[:n], later, *rest[1:])
        yield (*acts[:n], *rest)


def _plainer(act: Act) -> Iterator[Act]:
    for span in (AT_ONCE, _floor(act.after, DAY), _floor(act.after, HOUR)):
        if span < act.after:
            yield replace(act, after=span)
    if isinstance(act, Publishes):
        if act.late:
            yield replace(act, late=AT_ONCE)
        if act.id:
            yield replace(act, id="")
        for name in act.fields:
            if not act.event.model_fields[name].is_required():
                yield replace(act, fields={n: v for n, v in act.fields.items() if n != name})


def _floor(span: timedelta, unit: timedelta) -> timedelta:
    return span // unit * unit
