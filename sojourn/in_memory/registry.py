"""`Registry`: the customers there are, by id and by address."""

from collections.abc import Iterator
from datetime import datetime
from itertools import count

from sojourn.domain.abuse import Subject
from sojourn.in_memory.people import Happened, Noted, Person
from sojourn.store.kin import MOST_IDS


class Registry:
    """Customers, and the numbers that their events, words and runs get.

    Attributes:
        people: by id.
        events: by message id.
        runs: the newest run of each workflow id.
        every_run: every run, oldest first.
        requests: the moments of those that limits count, by journey, subject and who or what it is.
    """

    def __init__(self) -> None:
        self.people: dict[str, Person] = {}
        self.events: dict[str, Happened] = {}
        self.runs: dict[str, Noted] = {}
        self.every_run: list[Noted] = []
        self.requests: dict[tuple[str, Subject, str], list[datetime]] = {}
        self.number = count(1).__next__
        self._with: dict[tuple[str, str], dict[str, Person]] = {}
        self._addresses: dict[str, list[tuple[str, str]]] = {}

    def clear(self) -> None:
        """Forget everybody."""
        for known in (self.people, self.events, self.runs, self._with, self._addresses):
            known.clear()
        self.requests.clear()
        self.every_run.clear()

    def person(self, customer_id: str) -> Person:
        """Return a customer; an id that nobody has named yet becomes one."""
        found = self.people.get(customer_id)
        if found is None:
            found = self.people[customer_id] = Person(customer_id)
        return found

    def joined(self, old: Person, new: Person) -> None:
        """Have every id of one customer lead to another.

        Args:
            old: the one that is given up.
            new: the other one.
        """
        for address in self._addresses.pop(old.customer_id, ()):
            self._with[address].pop(old.customer_id, None)
        for customer_id, person in self.people.items():
            if person is old:
                self.people[customer_id] = new

    def moved(self, person: Person) -> None:
        """Note by which addresses a customer can be found now."""
        card = person.card
        told = [("email", card.email.lower())] if card.email else []
        told += [("phone", one) for one in dict.fromkeys((card.phone, card.phone2)) if one]
        before = self._addresses.get(person.customer_id, ())
        if told == before:
            return
        for address in before:
            self._with[address].pop(person.customer_id, None)
        for address in told:
            self._with.setdefault(address, {})[person.customer_id] = person
        self._addresses[person.customer_id] = told

    def kin(self, person: Person, *, email: str = "") -> list[Person]:
        """Return the other customers who share an address with one, as `store.kin` does.

        Args:
            person: the customer.
            email: a further address of theirs.

        Returns:
            The customers.
        """
        told = self._addresses.get(person.customer_id, ())
        shared = [address for address in told if len(self._with[address]) > 1]
        if not email and not shared:
            return []
        card = person.card
        emails = {one.lower() for one in (email, card.email) if one}
        found: dict[str, Person] = {}
        for address in sorted(emails):
            found |= {one.customer_id: one for one in self._having("email", address)}
        for number in dict.fromkeys((card.phone, card.phone2)):
            if number:
                found |= {
                    one.customer_id: one
                    for one in self._having("phone", number)
                    if not emails or one.card.email.lower() in {"", *emails}
                }
        found.pop(person.customer_id, None)
        return list(found.values())

    def _having(self, kind: str, address: str) -> Iterator[Person]:
        ids = self._with.get((kind, address), {})
        if len(ids) <= MOST_IDS:
            yield from ids.values()
