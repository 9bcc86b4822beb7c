"""Actions, Temporal Cloud's unit of cost, counted from a run's history.

https://docs.temporal.io/cloud/actions lists the actions. Those that leave no trace in a history
(queries, heartbeats, refused updates) are not counted here; journeys cause none of them.
"""

from collections import Counter

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import WorkflowHistory

_KINDS = {
    # a run that continued as new has a start of its own, and that one counts
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED: "start",
    EventType.EVENT_TYPE_TIMER_STARTED: "timer",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED: "signal",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED: "update",
    EventType.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES: "search attributes",
    EventType.EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED: "signal out",
    EventType.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED: "child",
    EventType.EVENT_TYPE_NEXUS_OPERATION_SCHEDULED: "nexus operation",
}
_VERSIONS = "TemporalChangeVersion"  # upserted by `workflow.patched`, and exempt


def actions(history: WorkflowHistory) -> Counter[str]:
    """Return the actions of one execution by kind; ``.total()`` of them are billed."""
    found: Counter[str] = Counter()
    local_tasks: set[int] = set()
    for event in history.events:
        kind = _KINDS.get(event.event_type)
        if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED:
            # the tries before the last one leave no event
            found["activity"] += event.activity_task_started_event_attributes.attempt
        elif event.event_type == EventType.EVENT_TYPE_MARKER_RECORDED:
            marker = event.marker_recorded_event_attributes
            if marker.marker_name == "core_local_activity":
                local_tasks.add(marker.workflow_task_completed_event_id)
        elif kind is not None and not _free(event):
            found[kind] += 1
    if local_tasks:
        found["local activities"] = len(local_tasks)  # one for each workflow task that holds some
    return found


def _free(event: HistoryEvent) -> bool:
    if event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED:
        # Came with the start, in one call: one action in all. The server writes it second, the test
        # server third, after the first task's scheduling; a signal of its own that came before any
        # worker took that task up would be taken for it.
        return event.event_id <= 3
    if event.event_type == EventType.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES:
        upsert = event.upsert_workflow_search_attributes_event_attributes
        return set(upsert.search_attributes.indexed_fields) == {_VERSIONS}
    return False
