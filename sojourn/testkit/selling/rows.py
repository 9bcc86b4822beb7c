"""The lives of customers as rows of the tables, as the engine would have written them.

Rows are kept by column. A column of moments is an array of numpy's, in which NaT stands for none.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sojourn.domain.messages import Channel, Reason
from sojourn.domain.reports import Kind, reference
from sojourn.domain.states import AttemptState, MessageState
from sojourn.journeys.journey import Journey
from sojourn.journeys.terms import names
from sojourn.testkit.selling.hits import hits_of
from sojourn.testkit.selling.lives import DAY, HOUR, SECOND, Lives, Moments, Words

Columns = dict[str, Any]
"""The values of each column: a list, or an array of moments."""
PROVIDERS = {
    Channel.EMAIL: "postmark",
    Channel.SMS: "twilio",
    Channel.PUSH: "fcm",
    Channel.WHATSAPP: "meta",
}
PLACES = (("en-GB", "Europe/London"), ("it-IT", "Europe/Rome"), ("pl-PL", "Europe/Warsaw"))
MAILBOXES = {
    "gmail.com": "gmail", "outlook.com": "microsoft", "libero.it": "libero", "example.com": "other",
}  # fmt: skip
_STATES = {
    "delivered": MessageState.SENT, "bounced": MessageState.SENT, "unreported": MessageState.SENT,
    "rejected": MessageState.REJECTED, "expired": MessageState.EXPIRED,
    "unknown": MessageState.UNKNOWN,
}  # fmt: skip
_REASONS = {"rejected": Reason.REFUSED, "expired": Reason.TOO_LATE}
_ENDS = {MessageState.SENT: AttemptState.ACCEPTED, MessageState.REJECTED: AttemptState.REFUSED,
         MessageState.UNKNOWN: AttemptState.AMBIGUOUS}  # fmt: skip
_ANSWERED = 2 * SECOND
"""From a claim to the provider's answer."""


@dataclass
class Numbers:
    """The numbers of the rows that other rows point to: of the next message, the next report."""

    ledger: int
    reports: int


def rows_of(
    journey: type[Journey],
    experiment: str,
    lives: Lives,
    numbers: Numbers,
    chance: np.random.Generator,
) -> dict[str, Columns]:
    """Return the rows of the customers of a journey, by table, in an order that can be stored.

    Args:
        journey: theirs.
        experiment: by which they are divided.
        lives: theirs.
        numbers: moved on by the rows that are made.
        chance: of what makes no difference.

    Returns:
        The columns of each table.
    """
    runs = [
        f"{journey.name}:{one}" + (f":k{one}" if journey.terms.key else "") for one in lives.ids
    ]
    found = _people(lives, chance) | _events(journey, lives)
    found["runs"] = {
        "workflow_id": runs,
        "run_id": [f"r-{one}" for one in lives.ids],
        "journey": [journey.name] * len(runs),
        "customer_id": lives.ids,
        "key": [f"k{one}" if journey.terms.key else "" for one in lives.ids],
        "enrolment": [f"start-{one}" for one in lives.ids],
        "started_at": _moments(lives.came - DAY),
        "closed_at": _moments(lives.came + 2 * DAY + HOUR),
    }
    exposed = np.flatnonzero(lives.variant != "").tolist()
    found["exposures"] = {
        "experiment": [experiment] * len(exposed),
        "customer_id": [lives.ids[n] for n in exposed],
        "variant": lives.variant[exposed].tolist(),
        "at": _moments(lives.came[exposed]),
        "workflow_id": [runs[n] for n in exposed],
    }
    for place in range(min(len(journey.messages), 2)):
        of_step = _messages(journey, lives, runs=runs, place=place, numbers=numbers, chance=chance)
        for name, columns in of_step.items():
            had = found.setdefault(name, {})
            for column, values in columns.items():
                had[column] = _joined(had[column], values) if column in had else values
    return found


def _joined(some: Any, more: Any) -> Any:
    return np.concatenate([some, more]) if isinstance(some, np.ndarray) else [*some, *more]


def _people(lives: Lives, chance: np.random.Generator) -> dict[str, Columns]:
    size = len(lives.ids)
    places = [PLACES[n] for n in chance.integers(0, len(PLACES), size)]
    boxes = list(MAILBOXES)
    domains = [boxes[n] for n in chance.integers(0, len(boxes), size)]
    since = _moments(lives.came - 90 * DAY)
    refused = (lives.fate == Reason.NO_CONSENT).tolist()
    return {
        "customers": {
            "customer_id": lives.ids,
            "identified_at": since,
            "first_name": ["Ada"] * size,
            "email": [
                "" if fate == Reason.NO_ADDRESS else f"{one}@{domain}"
                for one, domain, fate in zip(lives.ids, domains, lives.fate, strict=True)
            ],
            "phone": [f"+3932{n:08d}" for n in chance.integers(0, 10**8, size).tolist()],
            "phone2": [""] * size,
            "push_token": [""] * size,
            "locale": [locale for locale, _ in places],
            "timezone": [zone for _, zone in places],
            "merged": [False] * size,
            "attributes": ["{}"] * size,
            "said": ["{}"] * size,
        },
        "consents": {
            "customer_id": lives.ids * 2,
            "channel": ["email"] * size + ["sms"] * size,
            "topic": [""] * (2 * size),
            "granted": [not one for one in refused] * 2,
            "at": np.concatenate([since, since]),
            "source": ["sign-up"] * (2 * size),
        },
    }


def _events(journey: type[Journey], lives: Lives) -> dict[str, Columns]:
    """Return what began the runs, the orders, and what took orders back."""
    begun, ordered = names(journey.terms.starts_on)[0], names(journey.terms.goal)[0]
    size = len(lives.ids)
    ids, who = [f"start-{one}" for one in lives.ids], list(lives.ids)
    words, at = [begun] * size, [lives.came - DAY]
    said = [_json(cart_id=f"k{one}", product_id=f"p{n % 50}") for n, one in enumerate(lives.ids)]
    of = lives.orders
    moments: list[int] = []

    def tell(name: str, kind: str, customer: str, moment: int, **properties: object) -> None:
        ids.append(f"{kind}-{properties['order_id']}")
        who.append(customer)
        words.append(name)
        moments.append(moment)
        said.append(_json(**properties))

    columns = (of.who, of.at, of.total, of.back, of.twice)
    for n, (customer, moment, total, back, twice) in enumerate(
        zip(*(column.tolist() for column in columns), strict=True)
    ):
        one, currency = lives.ids[customer], lives.currency[customer]
        order = f"o-{one}-{n}"
        tell(ordered, "order", one, moment, order_id=order, total=total, currency=currency)
        if twice:
            tell(ordered, "again", one, moment + 60 * SECOND, order_id=order, total=total,
                 currency=currency)  # fmt: skip
        if back == "part":
            half = round(total / 2, 2)
            tell("Order Refunded", "back", one, moment + HOUR, order_id=order, total=half,
                 currency=currency)  # fmt: skip
        elif back:
            name = "Order Refunded" if back == "whole" else "Order Cancelled"
            tell(name, "back", one, moment + HOUR, order_id=order)
    at.append(np.array(moments, dtype=np.int64))
    when = _moments(np.concatenate(at))
    return {
        "events": {
            "message_id": ids,
            "customer_id": who,
            "name": words,
            "occurred_at": when,
            "received_at": when,
            "routed_at": when,
            "properties": said,
        }
    }


def _messages(
    journey: type[Journey],
    lives: Lives,
    *,
    runs: Sequence[str],
    place: int,
    numbers: Numbers,
    chance: np.random.Generator,
) -> dict[str, Columns]:
    """Return the rows of one message of each customer, and of all that was told of it."""
    message = journey.messages[place]
    fates: Words = lives.second if place else lives.fate
    mine: list[int] = np.flatnonzero(fates != "").tolist()
    fate: list[str] = [str(one) for one in fates[mine]]
    due = lives.came[mine] + place * 2 * DAY
    # some came at night, and left in the morning
    was_held = chance.random(len(mine)) < 0.15
    states = [_STATES.get(one, MessageState.SKIPPED) for one in fate]
    reasons = [
        one if state is MessageState.SKIPPED else _REASONS.get(one)
        for one, state in zip(fate, states, strict=True)
    ]
    ids = list(range(numbers.ledger, numbers.ledger + len(mine)))
    numbers.ledger += len(mine)
    customers = [lives.ids[n] for n in mine]
    channel = message.channels[0]
    keys = [f"{runs[n]}/start-{lives.ids[n]}/start-{lives.ids[n]}/{message.step}" for n in mine]
    handed = np.array([state in _ENDS for state in states], dtype=bool)
    submitted = np.where(handed, due + SECOND, _NONE)
    told, hits, progress, progress_at = hits_of(
        channel, fates[mine], lives.moved[mine] & (place == 0), due + _ANSWERED, chance
    )
    count = len(mine)
    every = {
        "ledger": {
            "id": ids,
            "ledger_key": [f"{key}/{channel}" for key in keys],
            "reference": [reference(f"{key}/{channel}") for key in keys],
            "message_id": keys,
            "workflow_id": [runs[n] for n in mine],
            "enrolment": [f"start-{one}" for one in customers],
            "journey": [journey.name] * count,
            "customer_id": customers,
            "n": [place + 1] * count,
            "step": [message.step] * count,
            "template": [message.template or message.step] * count,
            "channel": [channel.value] * count,
            "message_class": [message.message_class.value] * count,
            "topic": [message.topic or journey.topic] * count,
            "state": [state.value for state in states],
            "reason": [None if why is None else str(why) for why in reasons],
            "attempt": handed.astype(int).tolist(),
            "due_at": _moments(due),
            "decided_at": _moments(due),
            "held_until": _moments(np.where(was_held, due, _NONE)),
            "claimed_at": _moments(np.where(handed, due, _NONE)),
            "submitted_at": _moments(submitted),
            "settled_at": _moments(due + _ANSWERED),
            "provider": [PROVIDERS[channel] if one else None for one in handed],
            "possible_duplicate": [False] * count,
            "progress": progress,
            "progress_at": progress_at,
            "variant": _variants(lives, mine),
        },
        "attempts": _attempts(ids, states, submitted, channel, chance),
        "reports": _numbered(told, ids, numbers, channel),
    }
    every["hits"] = _of_reports(hits, every["reports"])
    return every


def _variants(lives: Lives, mine: Any) -> list[str | None]:
    """Return the variants that messages are of; who is held out is in no variant of words."""
    return [None if one in ("", "held-out", "treated") else str(one) for one in lives.variant[mine]]


def _attempts(
    ids: Sequence[int],
    states: Sequence[MessageState],
    submitted: Moments,
    channel: Channel,
    chance: np.random.Generator,
) -> Columns:
    left: list[int] = np.flatnonzero(submitted != _NONE).tolist()
    count = len(left)
    languages = [PLACES[n][0][:2] for n in chance.integers(0, len(PLACES), count)]
    boxes = list(MAILBOXES.values())
    return {
        "ledger_id": [ids[n] for n in left],
        "attempt": [1] * count,
        "provider": [PROVIDERS[channel]] * count,
        "state": [_ENDS[states[n]].value for n in left],
        "submitted_at": _moments(submitted[left]),
        "journey_at": _moments(submitted[left]),
        "settled_at": _moments(submitted[left] + SECOND),
        "settled_by": ["answer"] * count,
        "language": languages,
        "mailbox": [
            boxes[n] if channel is Channel.EMAIL else None
            for n in chance.integers(0, len(boxes), count)
        ],
    }


def _numbered(
    told: Mapping[str, Any], ids: Sequence[int], numbers: Numbers, channel: Channel
) -> Columns:
    count = len(told["of"])
    first = numbers.reports
    numbers.reports += count
    return {
        "id": list(range(first, first + count)),
        "provider": [PROVIDERS[channel]] * count,
        "event_id": [f"shop-{n}" for n in range(first, first + count)],
        "ledger_id": [ids[n] for n in told["of"]],
        "kind": told["kind"],
        "at": _moments(told["at"]),
        "received_at": _moments(told["at"]),
        "detail": [""] * count,
        "machine": told["machine"],
    }


def _of_reports(agents: Sequence[str | None], reports: Columns) -> Columns:
    """Return the evidence of opens and clicks; other reports have none."""
    chosen = [n for n, agent in enumerate(agents) if agent is not None]
    at = np.asarray(reports["at"])[chosen]
    return {
        "report_id": [reports["id"][n] for n in chosen],
        "ledger_id": [reports["ledger_id"][n] for n in chosen],
        "kind": [reports["kind"][n] for n in chosen],
        "at": at,
        "received_at": at,
        "agent": [agents[n] for n in chosen],
        "network": [""] * len(chosen),
        "link": ["" if reports["kind"][n] == Kind.OPENED else "link" for n in chosen],
        "url": [""] * len(chosen),
    }


_NONE = np.iinfo(np.int64).min
"""No moment: NaT, as numpy keeps it."""


def _moments(at: Any) -> Any:
    return np.asarray(at, dtype=np.int64).astype("datetime64[us]")


def _json(**properties: object) -> str:
    return json.dumps(properties)
