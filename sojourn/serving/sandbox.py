"""The sandbox that journeys run in, of workers, tests and replay alike."""

from typing import ClassVar
from weakref import WeakSet

from temporalio import workflow
from temporalio.worker import WorkflowRunner
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from sojourn.project import Project

LIBRARIES = (
    "asyncpg",
    "babel",
    "css_inline",
    "httpx",
    "jinja2",
    "phonenumbers",
    "sqlalchemy",
    "sqlmodel",
    "structlog",
)
"""Libraries that the engine and a project's activities use: imported once a process."""


class _Runner(SandboxedWorkflowRunner):
    """A sandbox that validates each class once a process, not once a worker."""

    _tried: ClassVar[WeakSet[type]] = WeakSet()

    def prepare_workflow(self, defn: workflow._Definition) -> None:
        """Check that the sandbox can load the class."""
        if defn.cls not in self._tried:
            super().prepare_workflow(defn)
            self._tried.add(defn.cls)


def workflow_runner(project: Project) -> WorkflowRunner:
    """Return the sandbox of workers, tests and replay alike.

    The engine and the project's events and activities are passed through: imported once, not again
    for every run. What stays inside the sandbox is what can go wrong: the files of journeys.
    """
    return _Runner(
        restrictions=SandboxRestrictions.default.with_passthrough_modules(
            "sojourn", *project.modules, *LIBRARIES
        )
    )
