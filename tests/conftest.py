"""The suite's settings, and its plugin `tests/support/suite.py`.

What runs tests loads the plugin, and with it most of Sojourn. The process that hands the tests out
to others (`-n`) runs none: the others start seconds earlier because it does without.
"""

import gc

import hypothesis
import pytest

from tests.support import effort, memory

hypothesis.settings.load_profile(
    effort.QUICK
)  # `--hypothesis-profile thorough` tries more examples

memory.files_in_memory()  # the process that hands out says where the others put theirs

gc.disable()  # what is imported and collected now stays: see `suite.pytest_collection_finish`


def pytest_configure(config: pytest.Config) -> None:
    """Load the plugin where tests run."""
    if config.getoption("dist", "no") == "no" or config.getoption("collectonly"):
        config.pluginmanager.import_plugin("tests.support.suite")
