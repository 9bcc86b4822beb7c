"""Serve: ``python -m sojourn.serving`` is ``python worker.py``."""

from sojourn.serving.command import serve

serve()
