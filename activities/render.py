from dataclasses import dataclass
from typing import Any

from domain.content import Content


@dataclass
class RenderContext:
    customer: Any
    journey: Any
    template: Any
    message_id: Any
    message_class: Any
    topic: Any
    start: Any
    key: Any
    history: Any
    now: Any
    timezone: Any


class Renderer:
    def __init__(self, settings, secret):
        pass

    def render(self, c, channel):
        return Content(
            channel=channel,
            template=c.template,
            locale="en",
            subject="s",
            html="<p>h</p>",
            text="t",
        )
