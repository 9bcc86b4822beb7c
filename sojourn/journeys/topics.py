"""The topics of a project's journeys, compared with its registry."""

from collections.abc import Iterable

from sojourn.domain.errors import BadProject, UnknownName, place_of
from sojourn.domain.message import Message
from sojourn.domain.messages import MessageClass
from sojourn.domain.topics import FILE, Topics
from sojourn.journeys.journey import Journey


def check_topics(journeys: Iterable[type[Journey]], topics: Topics) -> None:
    """Check that every message is on a topic of the registry, and of its kind.

    Args:
        journeys: the classes.
        topics: of the project; any topic goes if it lists none.

    Raises:
        BadProject: names the message, its topic and the way out.
    """
    if not topics.declared:
        return
    for journey in journeys:
        for message in journey.messages:
            whose = f"{place_of(journey)}, {message.step}"
            check_topic(whose, message, message.of(journey.topic).topic, topics)


def check_topic(whose: str, message: Message, topic: str, topics: Topics) -> None:
    """Check that one message is on a topic of the registry, and of its kind.

    Args:
        whose: names the message in an error.
        message: the message.
        topic: its topic.
        topics: of the project; any topic goes if it lists none.

    Raises:
        BadProject: names the message, its topic and the way out.
    """
    if not topics.declared:
        return
    try:
        topics.check(topic)
    except UnknownName as error:
        way_out = f"write [{topic}] in {FILE}, or name another topic"
        raise BadProject(f"{whose}: {error}; {way_out}") from None
    promotional = message.message_class is MessageClass.PROMOTIONAL
    if promotional and not topics[topic].can_be_refused:
        raise BadProject(
            f'{whose}: is promotional, and nobody could say no to it: "{topic}" is '
            f"{topics[topic].message_class} in {FILE}; give the message another topic"
        )
    if not promotional and topics[topic].can_be_refused:
        raise BadProject(
            f"{whose}: is {message.message_class}, so a no does not stop it, but "
            f'"{topic}" is promotional in {FILE}; give the message a topic of its class'
        )
