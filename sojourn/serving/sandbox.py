"""The sandbox that journeys run in, in workers, tests and replay alike."""

import inspect
import logging
import traceback
from pathlib import Path
from typing import ClassVar
from weakref import WeakSet

from temporalio import workflow
from temporalio.worker import WorkflowRunner
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

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


class _Runner(SandboxedWorkflowRunner):
    """A sandbox that validates each class once in a process, not once for each worker."""

    _tried: ClassVar[WeakSet[type]] = WeakSet()

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
