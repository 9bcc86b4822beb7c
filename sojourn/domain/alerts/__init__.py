"""Alerts: what counts say that a person should look at.

`silence`, `surge` and `harm` judge one thing each, `tails` says how rare a count is, `spans` finds
the hours to compare with, `judging` puts all of it together. All of it is pure: counts in, alerts
out.
"""
