"""Addresses of other tools, whose clients are told what to use here."""

OURS = "the gateway speaks Segment's API: send to /v1/track, /v1/identify or /v1/batch by an SDK of"
WAY = f"{OURS} Segment or RudderStack (docs/send-events.md)"

POSTHOG = (
    "/capture", "/batch", "/e", "/i/v0/e", "/i/v1/analytics/events", "/decide", "/flags", "/s",
    "/engage", "/track", "/array", "/config",
)  # fmt: skip
"""Addresses of PostHog's clients, with and without a slash at their end."""
_INSIDE = {"/array/": "PostHog", "/api/s/": "Jitsu", "/api/public/apps/": "Dittofeed"}


def hint(path: str) -> str | None:
    """Return what to use instead of another tool's address; None for any other address."""
    plain = path.rstrip("/") or "/"
    if plain in POSTHOG:
        return f"is an address of PostHog; {WAY}"
    for start, tool in _INSIDE.items():
        if path.startswith(start):
            return f"is an address of {tool}; {WAY}"
    return None
