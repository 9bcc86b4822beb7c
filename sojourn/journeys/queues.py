"""Task queues, priorities and search attributes: the names that runs and workers share."""

import json

from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes

from sojourn.domain.messages import Channel, MessageClass

TASK_QUEUE = "journeys"
JOURNEY = SearchAttributeKey.for_keyword("Journey")
CUSTOMER_ID = SearchAttributeKey.for_keyword("CustomerId")
OUTCOME = SearchAttributeKey.for_keyword("Outcome")
ATTRIBUTES = (JOURNEY, CUSTOMER_ID, OUTCOME)
LONGEST_ATTRIBUTE = 2048
"""Bytes of a search attribute's JSON that Temporal takes."""

FIRST_WAIT = "first wait"
"""The entry of a run's memo that says what it waits for while its start is delayed."""

PRIORITIES = {
    MessageClass.AUTHENTICATION: 1,
    MessageClass.TRANSACTIONAL: 2,
    MessageClass.PROMOTIONAL: 4,
}
"""Order within a channel's queue: a code to log in does not wait behind a newsletter."""


def channel_queue(channel: Channel, journeys: str = TASK_QUEUE) -> str:
    """Return the task queue of a channel that belongs to the given queue of journeys."""
    return journeys.replace(TASK_QUEUE, channel.value, 1)


def search_attributes(journey: str, customer_id: str) -> TypedSearchAttributes:
    """Return the search attributes that every run has from its start on."""
    if len(json.dumps(customer_id)) > LONGEST_ATTRIBUTE:
        customer_id = customer_id[: LONGEST_ATTRIBUTE // len(json.dumps("\U0001f6d2"))]
    return TypedSearchAttributes(
        [
            SearchAttributePair(JOURNEY, journey),
            SearchAttributePair(CUSTOMER_ID, customer_id),
        ]
    )
