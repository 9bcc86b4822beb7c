"""Backtests: recorded events through two versions of a project, compared customer by customer."""
