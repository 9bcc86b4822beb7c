"""`Life`: one made-up customer.

Everything is derived from the seed and the messages that arrive: the same seed with the same
journeys gives the same season.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from sojourn.cli.season.agenda import DAY, HOUR, WEEK, Act, Agenda, Body, identify, track
from sojourn.cli.season.goods import GOODS, Good
from sojourn.cli.season.orders import Order, Shop
from sojourn.cli.season.replies import NO, OTHER, STOP, WRITTEN_TO, YES, Letter, written_back
from sojourn.cli.season.temper import TEMPERS, Temper

NAMES = {
    "it-IT": ("Giulia", "Marco", "Chiara", "Luca", "Anna", "Paolo"),
    "pl-PL": ("Zofia", "Marek", "Agnieszka", "Piotr", "Ewa", "Jan"),
    "en-GB": ("Emily", "Tom", "Grace", "Oliver", "Nora", "Harry"),
}
HOMES = (
    ("it-IT", "Europe/Rome", "EUR", "+3932012345{:02d}"),
    ("pl-PL", "Europe/Warsaw", "PLN", "+4860101610{:02d}"),
    ("en-GB", "Europe/London", "GBP", "+4477009001{:02d}"),
)
ABROAD = ("America/New_York", "Asia/Tokyo", "Europe/Lisbon")
TIERS = {"silver": 300, "gold": 1000}
"""The points needed for each tier."""
FEWEST_POINTS = 200
"""The points needed to spend some on an order."""
CHANNELS = {"email": 0.85, "sms": 0.45, "push": 0.4, "whatsapp": 0.3}
"""The chance that a customer has agreed to a channel at the start."""


class Life(Agenda):
    """One customer.

    Args:
        number: their number, from 0; home, name and temper are derived from it.
        seed: the seed of the season.
        begins: the first moment at which they may act.
    """

    def __init__(self, number: int, seed: int, begins: datetime) -> None:
        self.locale, home, self._currency, phone = HOMES[number % len(HOMES)]
        super().__init__(f"c{number + 1:03d}", home, f"{seed}/{number}")
        self.temper: Temper = TEMPERS[number % len(TEMPERS)]
        self._shop = Shop(self, self.temper)
        self.first_name = self.random.choice(NAMES[self.locale])
        self._phone = phone.format(number % 100)
        self._agrees = {channel: self.may(chance) for channel, chance in CHANNELS.items()}
        self._cart: dict[str, Good] = {}
        self._carts = self._orders = 0
        self._points = 0
        self._subscribed_until = begins
        self.plan(begins + self.random.random() * WEEK, self._signs_up)

    def receives(self, letter: Letter, at: datetime) -> None:
        """Receive a message, and plan the acts with which the customer reacts."""
        writes = letter.channel in WRITTEN_TO
        if letter.promotional and self.may(self.temper.refuses):
            self.plan(self.soon(at), self._says_no(letter))
            return
        if writes and letter.journey == "appointment":
            words = YES if self.may(0.7) else NO
            self.plan(self.soon(at), self._writes_back(letter, words))
            return
        if writes and self.may(self.temper.writes):
            self.plan(self.soon(at), self._writes_back(letter, OTHER))
        act = self._reactions().get(letter.journey)
        if act is not None and self.may(self.temper.reacts):
            self.plan(self.soon(at), act(letter))

    # ---- the customer's part ----------------------------------------------------------------

    def _signs_up(self, at: datetime) -> Iterator[Body]:
        yield identify(
            firstName=self.first_name,
            email=f"{self.customer_id}@shop.example",
            phone=self._phone,
            locale=self.locale,
            timezone=self.timezone,
            pushToken=f"device-of-{self.customer_id}",
            marketingConsent=self._agrees,
        )
        yield track("Signed Up")
        if self.may(0.6):
            self.plan(self.after(at, 3 * DAY), self.does("Account Activated"))
        if self.may(self.temper.moves):
            self.plan(self.after(at, 8 * WEEK), self._moves)
        if self.may(0.3):
            self.plan(self.after(at, 2 * WEEK), self._subscribes)
        if self.may(0.2):
            self.plan(self.after(at, 4 * WEEK), self._starts_a_trial)
        if self.may(0.2):
            self.plan(self.after(at, 6 * WEEK), self._books)
        if self.may(0.25):
            self.plan(self.after(at, 4 * WEEK), self._watches)
        if self.may(0.2):
            self.plan(self.after(at, 8 * WEEK), self._signs_in)
        self.plan(self.after(at + 8 * WEEK, 4 * WEEK), self._loses_points)
        self.plan(at + timedelta(minutes=8), self._visits)

    def _visits(self, at: datetime) -> Iterator[Body]:
        seen = self.random.sample(GOODS, self.random.randint(1, 4))
        for good in seen:
            yield track("Product Viewed", **good.line(self._currency))
        if self.may(self.temper.fills):
            if not self._cart:
                self._carts += 1
            for good in seen[: self.random.randint(1, 2)]:
                self._cart[good.product_id] = good
                yield track("Product Added", cart_id=self._cart_id, **good.line(self._currency))
            if self.may(self.temper.buys):
                self.plan(at + timedelta(minutes=self.random.randint(5, 40)), self._orders_now)
        wait = self.random.expovariate(self.temper.visits) * WEEK
        self.plan(self.awake(at + max(wait, HOUR)), self._visits)

    def _orders_now(self, at: datetime) -> Iterator[Body]:
        if not self._cart:
            return
        self._orders += 1
        goods, cart_id = tuple(self._cart.values()), self._cart_id
        self._cart = {}
        order = Order(f"{self.customer_id}-o{self._orders}", goods, self._currency)
        yield track("Order Completed", cart_id=cart_id, **order.fields)
        if self._points > FEWEST_POINTS and self.may(0.2):
            spent, self._points = self._points // 2, self._points - self._points // 2
            yield track("Points Spent", points=spent, balance=self._points)
        yield from self._earns(int(order.total))
        self._shop.takes(order, at)

    def _earns(self, points: int) -> Iterator[Body]:
        before, self._points = self._points, self._points + points
        yield track("Points Earned", points=points, balance=self._points)
        for tier, needs in TIERS.items():
            if before < needs <= self._points:
                yield track("Tier Reached", tier=tier)

    def _loses_points(self, at: datetime) -> Iterator[Body]:
        if self._points:
            ends = (at + 30 * DAY).isoformat()
            yield track("Points Expiring", points=self._points // 2 or 1, expires_at=ends)

    def _signs_in(self, at: datetime) -> Iterator[Body]:
        name, ends = self.new_id("l"), (at + HOUR / 6).isoformat()
        code = f"{self.random.randrange(10**6):06d}"
        yield track("Login Code Requested", request_id=name, code=code, expires_at=ends)
        used = self.does("Login Succeeded", request_id=name)
        self.plan(at + timedelta(minutes=self.random.randint(1, 8)), used)

    def _says_no(self, letter: Letter) -> Act:
        def act(at: datetime) -> Iterator[Body]:
            yield identify(consents=[{"channel": letter.channel, "granted": False}])
            if letter.channel in WRITTEN_TO:
                yield written_back(letter, STOP, self.locale)

        return act

    def _writes_back(self, letter: Letter, words: dict[str, str]) -> Act:
        def act(at: datetime) -> Iterator[Body]:
            yield written_back(letter, words, self.locale)

        return act

    def _moves(self, at: datetime) -> Iterator[Body]:
        self.timezone = self.random.choice(ABROAD)
        yield identify(timezone=self.timezone)

    def _subscribes(self, at: datetime) -> Iterator[Body]:
        if at < self._subscribed_until:
            return
        yield track("Subscription Started", **self._period(at + 30 * DAY))
        self.plan(at + 30 * DAY - HOUR, self._renews)

    def _renews(self, at: datetime) -> Iterator[Body]:
        if self.may(0.7):
            yield track("Subscription Renewed", **self._period(at + 30 * DAY + HOUR))
            self.plan(at + 30 * DAY, self._renews)

    def _starts_a_trial(self, at: datetime) -> Iterator[Body]:
        if at < self._subscribed_until:  # nobody with a subscription needs a trial
            return
        trial = f"{self.customer_id}-t"
        ends = (at + 14 * DAY).isoformat()
        yield track("Trial Started", trial_id=trial, ends_at=ends, plan="Plus")
        if self.may(0.5):
            self.plan(self.after(at, 7 * DAY), self.does("Feature Used", feature="wishlist"))
        if self.may(0.4):
            self.plan(self.after(at + 5 * DAY, 9 * DAY), self._subscribes)

    def _books(self, at: datetime) -> Iterator[Body]:
        name = f"{self.customer_id}-a"
        starts = self.at_hour(at + self.random.randint(1, 10) * DAY, 15)
        yield track(
            "Appointment Booked",
            appointment_id=name,
            starts_at=starts.isoformat(),
            timezone=self.timezone,
        )
        half_way = at + (starts - at) / 2
        if self.may(0.2):
            self.plan(half_way, self.does("Appointment Cancelled", appointment_id=name))
        elif self.may(0.2):
            later = (starts + 2 * DAY).isoformat()
            self.plan(
                half_way,
                self.does("Appointment Rescheduled", appointment_id=name, starts_at=later),
            )

    def _watches(self, at: datetime) -> Iterator[Body]:
        good = self.random.choice(GOODS)
        yield track("Product Watched", **good.line(self._currency))
        if self.may(0.6):
            cheaper = good.line(self._currency)
            cheaper["old_price"] = cheaper["price"]
            cheaper["price"] = str(good.costs(self._currency, off=20))
            self.plan(self.after(at + DAY, 20 * DAY), self.does("Price Dropped", **cheaper))

    # ---- what they make of a message --------------------------------------------------------

    def _reactions(self) -> Mapping[str, Callable[[Letter], Act]]:
        return {
            "abandoned-cart": lambda _: self._orders_now,
            "browse-abandonment": lambda _: self._visits_again,
            "win-back": lambda _: self._visits_again,
            "after-purchase": lambda _: self._visits_again,
            "price-drop": lambda _: self._visits_again,
            "onboarding": self._clicks,
            "trial": lambda _: self.does("Feature Used", feature="export"),
            "appointment": self._clicks,
        }

    def _clicks(self, letter: Letter) -> Act:
        return self.does("Email Link Clicked", journey=letter.journey, step=letter.step)

    def _visits_again(self, at: datetime) -> Iterator[Body]:
        good = self.random.choice(GOODS)
        yield track("Product Viewed", **good.line(self._currency))
        if not self._cart:
            self._carts += 1
        self._cart[good.product_id] = good
        yield track("Product Added", cart_id=self._cart_id, **good.line(self._currency))
        if self.may(self.temper.buys):
            self.plan(at + HOUR / 3, self._orders_now)

    def _period(self, expires_at: datetime) -> dict[str, Any]:
        self._subscribed_until = expires_at
        return {
            "subscription_id": f"{self.customer_id}-s",
            "expires_at": expires_at.isoformat(),
            "plan": "Plus",
            "price": "9.90",
            "currency": self._currency,
        }

    @property
    def _cart_id(self) -> str:
        return f"{self.customer_id}-k{self._carts}"
