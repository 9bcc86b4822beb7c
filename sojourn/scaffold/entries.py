"""Write entries of ``topics.toml`` and ``coupons.toml``, in the languages of a project."""

import json
from collections.abc import Iterator, Mapping, Sequence

from sojourn.domain.coupons import Pool
from sojourn.domain.messages import MessageClass
from sojourn.domain.topics import Topic


def topic_entry(topic: Topic, languages: Sequence[str]) -> str:
    """Return a topic's entry in some languages; in all if it has none of these."""
    return _entry(topic.id, _topic_lines(topic, languages))


def pool_entry(pool: Pool, languages: Sequence[str]) -> str:
    """Return a pool's entry in some languages; in all if it has none of these."""
    return _entry(pool.name, _pool_lines(pool, languages))


def _entry(name: str, lines: Iterator[str]) -> str:
    return "".join(f"{line}\n" for line in ("", f"[{name}]", *lines))


def _topic_lines(topic: Topic, languages: Sequence[str]) -> Iterator[str]:
    if topic.message_class is not MessageClass.PROMOTIONAL:
        yield f'class = "{topic.message_class}"'
    if topic.needs_own_yes:
        yield f'default = "{topic.default}"'
    if topic.cadence:
        yield f"cadence = {json.dumps(topic.cadence)}"
    chosen = set(languages) & set(topic.name) or set(topic.name)
    yield from _words("name", topic.name, chosen)
    yield from _words("about", topic.about, chosen)


def _pool_lines(pool: Pool, languages: Sequence[str]) -> Iterator[str]:
    if pool.pattern:
        yield f"pattern = {json.dumps(pool.pattern)}"
    if pool.valid_for is not None:
        yield f"valid_for = {pool.valid_for}"
    if pool.last_day is not None:
        yield f"last_day = {pool.last_day}"
    if pool.low_water:
        yield f"low_water = {pool.low_water}"
    if pool.percent is not None:
        yield f"percent = {pool.percent}"
    yield from _words("gives", pool.gives, set(languages) & set(pool.gives) or set(pool.gives))


def _words(field: str, words: Mapping[str, str], chosen: set[str]) -> Iterator[str]:
    for language, text in words.items():
        if language in chosen:
            yield f"{field}.{language} = {json.dumps(text, ensure_ascii=False)}"
