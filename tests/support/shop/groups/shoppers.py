"""Audiences of the tests' project."""

from sojourn import EMAIL, Audience, consents, count, days, did, field, last, listed, total, trait
from sojourn.events import OrderCompleted, ProductAdded

pro = Audience("pro", trait("plan") == "pro", "On the pro plan.")
regulars = Audience("regulars", did(OrderCompleted, at_least=2, within=days(90)), watched=True)
fair = Audience("fair", listed("fair") & consents(EMAIL))
asleep = Audience("asleep", last(OrderCompleted) > days(60))
lookers = Audience("lookers", did(ProductAdded) & ~did(OrderCompleted))
spenders = Audience(
    "spenders", total(OrderCompleted, "total", where=field("currency") == "EUR") >= 100
)
once = Audience("once", count(OrderCompleted) == 1)
