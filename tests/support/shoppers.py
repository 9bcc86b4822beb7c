"""Four months of a made-up shop as a recording of calls, from a seed.

Its letters are the messages of one campaign, as in the provider's own log.
"""

import json
import random
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

BEGIN = datetime(2023, 12, 1, tzinfo=UTC)
END = datetime(2024, 4, 1, 12, tzinfo=UTC)
CAMPAIGN = datetime(2024, 2, 15, 9, tzinfo=UTC)
"""The moment at which the letters left and their audience was frozen."""
_SECONDS = int((END - BEGIN).total_seconds())

Call = dict[str, Any]


def letters(ids: Iterable[str], seed: int) -> list[dict[str, Any]]:
    """Return a letter to some of the ids, with the outcome of each."""
    pick = random.Random(seed)
    return [
        {
            "to": one,
            "channel": pick.choice(["email", "email", "email", "sms"]),
            "outcome": (outcome := pick.choice(["accepted", "accepted", "doubt", "skipped"])),
            "clicked": outcome == "accepted" and pick.random() < 0.3,
        }
        for one in ids
        if pick.random() < 0.7
    ]


class Shoppers:
    """Creates the recording.

    Args:
        number: the number of people.
        seed: the seed; another one gives another shop.
    """

    def __init__(self, number: int, seed: int) -> None:
        self._random = random.Random(seed)
        self._calls: list[tuple[datetime, Call]] = []
        self._until = _SECONDS
        self.on_list = [f"c{n}" for n in range(number) if self._random.random() < 0.3]
        for n in range(number):
            self._live(f"c{n}")
        joined = [one["previousId"] for _, one in self._calls if one["type"] == "alias"]
        self.letters = letters([*(f"c{n}" for n in range(number)), *joined], seed)

    def write(self, file: Path) -> None:
        """Write the calls in the order of their moments, one per line."""
        self._calls.sort(key=lambda one: one[0])
        lines = [json.dumps({**call, "timestamp": _written(at)}) for at, call in self._calls]
        file.write_text("\n".join(lines) + "\n")

    def _live(self, customer: str) -> None:
        chance = self._random.random
        ids = [customer]
        # some soon fall asleep
        self._until = self._random.choice([_SECONDS, _SECONDS, _SECONDS // 5])
        if chance() < 0.2:  # was here before under another id
            ids.append(f"a-{customer}")
            joined = {"type": "alias", "previousId": ids[1], "userId": customer}
            self._add(self._moment(), joined)
        for _ in range(self._random.choice([1, 1, 2, 3])):
            self._add(self._moment(), self._identify(self._random.choice(ids)))
        for call in self._events(ids):
            at = self._moment()
            self._add(at, call)
            if chance() < 0.05:  # the sender tries again
                self._calls.append((at, self._calls[-1][1]))

    def _add(self, at: datetime, call: Call) -> None:
        self._calls.append((at, {**call, "messageId": f"m{len(self._calls)}"}))

    def _moment(self) -> datetime:
        # each is another one: of two words of one moment the page would have to say more
        return BEGIN + timedelta(
            seconds=self._random.randrange(self._until), milliseconds=len(self._calls) % 1000
        )

    def _identify(self, customer: str) -> Call:
        pick, chance = self._random.choice, self._random.random
        traits: dict[str, Any] = {"email": f"{customer}@shop.example"}
        some = {
            "plan": pick(["pro", "free", "team", "Pro", None, 7]),
            "age": pick([17, 18, 35, 18.5, "35", None, True]),
            "tags": pick([["vip"], ["new", "vip"], ["VIP"], [], "a vip", None]),
            "address": pick([{"country": "PL"}, {"country": "IT", "city": "Roma"}, {}, "PL"]),
            "since": pick(["2023-05-01", "2024-02-29", "2023-02-30", "soon", None]),
            "newsletter": pick([True, False, "true", None]),
        }
        traits |= {name: value for name, value in some.items() if chance() < 0.6}
        if chance() < 0.5:
            traits["marketingConsent"] = {c: chance() < 0.6 for c in ("email", "sms")}
        elif chance() < 0.8:
            traits["consents"] = [*self._words()]
        return {"type": "identify", "userId": customer, "traits": traits}

    def _words(self) -> Iterator[dict[str, Any]]:
        """Create statements on topics; one for all channels is a no, a yes to a channel may end."""
        pick, chance = self._random.choice, self._random.random
        topic = pick(["offers", "news"])
        match pick(["channel", "topic", "everywhere"]):
            case "channel":
                ends = {"expiresAt": _written(self._moment())} if chance() < 0.5 else {}
                yield {"channel": "email", "granted": True, **ends}
            case "topic":
                yield {"channel": "email", "topic": topic, "granted": chance() < 0.6}
            case "everywhere":
                yield {"topic": topic, "granted": False}

    def _events(self, ids: list[str]) -> Iterator[Call]:
        pick, number = self._random.choice, self._random.randrange
        kinds = {"Product Viewed": 4, "Product Added": 4, "Order Completed": 4, "Page": 2}
        for event, most in kinds.items():
            for n in range(number(most + 1)):
                said: dict[str, Any] = {"product_id": f"p{number(30)}"}
                if event == "Order Completed":
                    total = pick([15, 49.99, 50, 120, 200.0, 310.1, None])
                    money = pick(["EUR", "EUR", "PLN", "eur", None])
                    said = {"order_id": f"{ids[0]}-{n}", "total": total, "currency": money}
                elif event == "Product Added":
                    said["quantity"] = pick([1, 2, 5, None])
                said = {name: value for name, value in said.items() if value is not None}
                call = {"userId": pick(ids), "properties": said}
                if event == "Page":
                    yield {"type": "page", "name": "Home", **call}
                else:
                    yield {"type": "track", "event": event, **call}


def _written(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")
