"""The address of the page on which a task is answered."""

from sojourn.domain.links import Task, task_token
from sojourn.settings import Settings, signing_key
from sojourn.store.tables import TaskRow


def page_of(row: TaskRow, settings: Settings) -> str:
    """Return the signed address of a task's page: anybody who has it can answer.

    Args:
        row: the task, stored.
        settings: of this installation.

    Returns:
        The address.

    Raises:
        BadSetting: the secret that signs can be neither read nor made.
    """
    assert row.id is not None
    token = task_token(signing_key(settings), Task(row.customer_id, row.id))
    return f"{settings.public_url.rstrip('/')}/t/{token}"
