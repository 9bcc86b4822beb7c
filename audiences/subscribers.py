"""Customers by what they asked for."""

from sojourn import EMAIL, Audience, consents

newsletter_readers = Audience(
    "newsletter-readers",
    consents(EMAIL, "newsletter"),
    "Agrees to the newsletter by e-mail.",
)
