"""The repository's own project, as its tests see it."""

from sojourn.composing import load_project
from tests.support.markdown import ROOT

PROJECT = load_project(ROOT)
