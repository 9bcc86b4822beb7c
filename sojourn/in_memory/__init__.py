"""An installation without a database: customers, ledger and runs in memory, by the same rules.

The runs are those of `journeys.stepping`, the plans of `dispatch.planning`, the verdicts of
`domain.verdict`. Nothing sleeps, nothing leaves, and time is whatever the caller says.
"""
