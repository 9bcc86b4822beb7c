"""A process that lives long looks for garbage rarely, and only among what is new."""

import subprocess
import sys

NESTED = """
import gc
from sojourn.garbage import loaded_left_out, rarely_collected

before = gc.get_threshold()
with loaded_left_out():
    outer = gc.get_freeze_count()
    assert outer > 1_000, outer
    assert gc.get_threshold() == before
    late = [[] for _ in range(1_000)]
    with rarely_collected(200_000):
        assert gc.get_freeze_count() == outer, "what came later is still looked at"
        assert gc.get_threshold()[0] == 200_000
    assert gc.get_threshold() == before
    assert gc.get_freeze_count() == outer
try:
    with rarely_collected(10):
        raise KeyError
except KeyError:
    pass
assert (gc.get_freeze_count(), gc.get_threshold()) == (0, before)
"""


def test_what_there_is_stays_out_of_the_rounds_until_the_block_ends() -> None:
    command = [sys.executable, "-c", NESTED]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
