"""The repository's own project for tests."""

from sojourn.composing import load_project
from tests.support.markdown import ROOT

SHOP = ROOT / "tests" / "support" / "shop"

PROJECT = load_project(SHOP)
"""Four of its journeys. The tests of the engine count what these do; so do the commands in them,
for which ``suite.py`` sets ``SOJOURN_PROJECT``."""

WHOLE = load_project(ROOT)
"""Everything that ships."""
