"""The closed list of reasons, in words that an operator can act on."""

from sojourn.domain.messages import Reason

_WORDS: dict[Reason, str] = {
    Reason.GOAL_REACHED: "the journey's goal had been reached",
    Reason.SUPERSEDED: "a newer event had begun the steps again",
    Reason.RUN_STOPPED: "an event or an operator had ended the run",
    Reason.SWITCHED_OFF: "the project has switched the journey off",
    Reason.EVENT_MISSING: "the store has forgotten the event that started the run",
    Reason.NO_LONGER: "the journey's condition did not hold any more",
    Reason.ALREADY_TOLD: "it had been said: for the same event, or by a run under another id",
    Reason.UNKNOWN_CUSTOMER: "nobody has identified this customer, only their events are known",
    Reason.ERASED: "the customer is erased",
    Reason.RESTRICTED: "the customer's data are kept and not used: an operator restricted them",
    Reason.NO_ADDRESS: "the customer has no address on any channel of the message",
    Reason.NO_CONSENT: (
        "the customer had not agreed to promotional messages on its topic by any channel"
    ),
    Reason.OPTED_OUT: "the customer had opted out of the message's topic",
    Reason.TOO_LATE: "it would have come too late to be of use",
    Reason.QUIET_HOURS: "it was quiet hours where the customer lives",
    Reason.WINDOW: "the policy lets such messages leave at other times only",
    Reason.SNOOZED: "the customer wants a break from promotional messages",
    Reason.IN_CARE: "somebody looks after the customer: nothing promotional leaves meanwhile",
    Reason.CAP: "the customer had as many promotional messages as a cap allows",
    Reason.GAVE_WAY: "it gave way to a held message that goes before it",
    Reason.NOTHING_TO_SAY: "its template found nothing to say to this customer",
    Reason.NOTHING_LEFT: "all that it is about was bought, taken out or out of stock by then",
    Reason.TEMPLATE: "its template could not be rendered",
    Reason.SUPPRESSED: "the address bounced, complained or is gone: nothing is sent to it",
    Reason.INVALID_ADDRESS: "the provider says that the address does not exist",
    Reason.WINDOW_CLOSED: "free text by WhatsApp needs a message of the customer's within 24 hours",
    Reason.REFUSED: "the provider refused the message for good",
    Reason.OTHER_CHANNEL: "another channel of the message takes it",
    Reason.PAUSED: "the channel was paused",
    Reason.HELD_BACK: "an operator holds it back",
    Reason.ONLY_TO: "this installation may not write to the address (SOJOURN_ONLY_TO)",
    Reason.ASKED_ENOUGH: "the address was asked to confirm as often as a day allows",
    Reason.NO_COUPON: "no code was left in the pool of its coupon",
    Reason.RAMP: "the sending domain is warming up, and its budget for the day was used up",
    Reason.HELD_OUT: "the customer is in a control group, which gets no such message",
    Reason.NOT_QUALIFIED: "the customer or the event did not meet the journey's condition of entry",
    Reason.CAME_AGAIN: "the customer had been in the journey before, and may not enter again yet",
    Reason.ENOUGH_RUNS: "the customer had as many open runs of the journey as it allows",
    Reason.TOO_MANY_REQUESTS: "there had been as many requests as the journey's limits allow",
    Reason.OLD_NEWS: "the journey had written about it since the event happened",
}


def explain(reason: Reason) -> str:
    """Return ``reason`` in words that complete "skipped because ..." and "held because ..."."""
    return _WORDS[reason]
