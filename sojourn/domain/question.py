"""`Question`: what a journey asks a person of the shop, as the journey's class declares it."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

_NAME = re.compile(r"[a-z][a-z\d]*(_[a-z\d]+)*", re.ASCII)
LONGEST_QUESTION = 300
"""Characters of a question, and of an answer's words."""
MOST_ANSWERS = 9


class Question:
    """A question to a person, with the answers that there are.

    An attribute of a journey's class; the task takes its name from the attribute::

        refund = Question("Refund the order?", yes="Refund it", no="Keep it")

    Histories, pages and the helpdesk show it as it stands: nothing personal belongs in it.

    Args:
        text: what the person reads.
        answers: the words of each button, by the name on which the steps branch.

    Raises:
        TypeError: there are no answers, more than `MOST_ANSWERS`, or a text is empty or too long.
        ValueError: an answer's name is not like ``call_back``.
    """

    def __init__(self, text: str, /, **answers: str) -> None:
        if not 0 < len(answers) <= MOST_ANSWERS:
            raise TypeError(
                f'a question has 1 to {MOST_ANSWERS} answers: Question("...", yes="Yes")'
            )
        for said in (text, *answers.values()):
            if not isinstance(said, str) or not said.strip() or len(said) > LONGEST_QUESTION:
                raise TypeError(
                    f"a question and its answers are 1 to {LONGEST_QUESTION} characters"
                )
        for name in answers:
            if not _NAME.fullmatch(name):
                raise ValueError(f'"{name}" is not a name for an answer: write it like call_back')
        self.text = text
        self.answers: Mapping[str, str] = MappingProxyType(dict(answers))
        self.name = ""

    def __set_name__(self, owner: type[Any], name: str) -> None:
        """Take the name of the attribute, in kebab-case."""
        if not self.name:
            self.name = name.lower().strip("_").replace("_", "-")

    def __repr__(self) -> str:
        """Return how it was written."""
        return f"Question({self.text!r}, {', '.join(self.answers)})"
