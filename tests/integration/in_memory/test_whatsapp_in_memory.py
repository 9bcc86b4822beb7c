"""In memory, too, a free text by WhatsApp leaves for a day after the customer wrote."""

import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from sojourn import SMS, TRANSACTIONAL, WHATSAPP, Journey, Message, days
from sojourn.events import MessageReplied, SignedUp
from sojourn.journeys.registry import Journeys
from sojourn.settings import Settings
from tests.integration.in_memory.test_same_in_memory import in_memory, in_the_store
from tests.support.in_memory import world_of
from tests.support.project import PROJECT
from tests.support.stories import BEGIN, Act, Teller

DAY = timedelta(days=1)


class Chat(Journey, name="chat", topic="chat", starts_on=SignedUp):
    hello = Message(WHATSAPP, SMS, message_class=TRANSACTIONAL, useful_for=days(1))
    later = Message(WHATSAPP, SMS, message_class=TRANSACTIONAL, useful_for=days(1))
    approved = Message(WHATSAPP, SMS, message_class=TRANSACTIONAL, useful_for=days(1))

    async def steps(self) -> None:
        for message in (self.hello, self.later, self.approved):
            await self.sleep(days(1))
            await self.send(message)


async def test_whatsapp_takes_free_text_after_the_customer_wrote(
    migrated_database: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "templates" / "chat"
    folder.mkdir(parents=True)
    for step in ("hello", "later", "approved"):
        said = "{% block text %}Hello{% endblock %}"
        (folder / f"{step}.sms.en.txt").write_text(said)
        known = "{% block approved %}hello{% endblock %}" if step == "approved" else ""
        (folder / f"{step}.whatsapp.en.txt").write_text(known + said)
    templates = (tmp_path / "templates", *PROJECT.templates)
    project = replace(PROJECT, policy=None, journeys=Journeys([Chat]), templates=templates)
    settings = Settings(home=tmp_path, database_url=f"sqlite:///{tmp_path / 'j.db'}")
    shutil.copy(migrated_database, tmp_path / "j.db")
    story = (Chat, [Act(DAY + timedelta(hours=2), "she writes", _writes)])
    stored = await in_the_store(story, project, settings, "c")
    assert await in_memory(story, world_of(project, settings, BEGIN), "c") == stored
    found = {(step, channel, state, reason) for _, _, step, channel, state, reason, _, _ in stored}
    assert found == {
        ("hello", "whatsapp", "rejected", "window_closed"),
        ("hello", "sms", "sent", ""),
        ("later", "whatsapp", "sent", ""),
        ("approved", "whatsapp", "sent", ""),
    }


async def _writes(one: Teller) -> None:
    await one.publish(MessageReplied, channel="whatsapp", text="Hi", intent="other")
