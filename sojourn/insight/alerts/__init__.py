"""Alerts: `reading` counts, `watching` judges and notes, `sinks` and `telling` tell."""
