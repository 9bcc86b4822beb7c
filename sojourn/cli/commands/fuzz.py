"""``sojourn fuzz``, which is the test kit's.

The kit stands above the command line, and so is looked up by its name, as its fakes are.
"""

from importlib import import_module

app = import_module("sojourn.testkit.fuzzing.command").app
