"""The sandbox that journeys run in, in workers, tests and replay alike."""

import inspect
import logging
import traceback
from pathlib import Path
from typing import ClassVar
from weakref import WeakSet

from temporalio import workflow
from temporalio.converter import StorageDriverStoreContext
from temporalio.worker import WorkflowInstance, WorkflowInstanceDetails, WorkflowRunner
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions
from temporalio.worker.workflow_sandbox._runner import _Instance

from sojourn.domain.errors import BadProject
from sojourn.project import Project

LIBRARIES = (
    "asyncpg",
    "babel",
    "css_inline",
    "holidays",
    "httpx",
    "jinja2",
    "phonenumbers",
    "sqlalchemy",
    "sqlmodel",
    "structlog",
)
"""Libraries that the engine and a project's activities use: imported once in a process."""


NOISE = logging.getLogger("temporalio.worker.workflow_sandbox._restrictions")


class _Run(_Instance):
    """A run in its sandbox, whose payloads are converted alike whatever they belong to.

    Temporal enters the sandbox for each payload of a task, several times, to ask for what command
    it is; a codec may want to know. Sojourn has no codec and no storage beside the history.
    """

    def get_serialization_context(self, command_info: object) -> None:
        """Return nothing: no converter asks."""

    def get_external_store_context(self, command_info: object) -> StorageDriverStoreContext:
        """Return a context of nothing: nothing is stored elsewhere."""
        return _NOWHERE


_NOWHERE = StorageDriverStoreContext(target=None)


class _Runner(SandboxedWorkflowRunner):
    """A sandbox that validates each class once in a process, not once for each worker."""

    _tried: ClassVar[WeakSet[type]] = WeakSet()

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        """Load a journey's file for a run."""
        return _Run(det, self.runner_class, self.restrictions)

    def prepare_workflow(self, defn: workflow._Definition) -> None:
        """Check that the sandbox can load the class."""
        if defn.cls not in self._tried:
            super().prepare_workflow(defn)
            self._tried.add(defn.cls)


async def check_journeys(project: Project) -> None:
    """Load each journey in the sandbox, as a worker will. The sandbox needs a running event loop.

    Raises:
        BadProject: the file of a journey does more than a workflow may; the line names it.
    """
    runner = workflow_runner(project)
    NOISE.disabled = True  # it says before each refusal, on a line of its own, what the error says
    try:
        for journey in project.journeys.values():
            definition = workflow._Definition.must_from_class(journey)  # noqa: SLF001 (no other way)
            try:
                runner.prepare_workflow(definition)
            except Exception as error:
                raise BadProject(_refusal(journey, error)) from error
    finally:
        NOISE.disabled = False


def _refusal(journey: type, error: Exception) -> str:
    """Return one line: the file, the line that the sandbox refused, and its reason."""
    file = inspect.getfile(journey)
    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == file]
    at = f", line {lines[-1]}" if lines else ""
    reason = " ".join(str(error).split()).partition(". ")[0]
    return f"{Path(*Path(file).parts[-2:])}{at}: {journey.__name__} cannot be loaded: {reason}"


def workflow_runner(project: Project) -> WorkflowRunner:
    """Return the sandbox of workers, tests and replay alike.

    The engine and the project's events and activities are passed through: imported once, not again
    for every run. Only the files of journeys stay inside the sandbox: these can go wrong.
    """
    return _Runner(
        restrictions=SandboxRestrictions.default.with_passthrough_modules(
            "sojourn", *project.modules, *LIBRARIES
        )
    )
