"""A process that lives long looks for garbage rarely, and only among what is new."""

import subprocess
import sys

NESTED = """
import gc
from sojourn.garbage import rarely_collected

before = gc.get_threshold()
with rarely_collected(50_000):
    outer = gc.get_freeze_count()
    assert outer > 1_000, outer
    assert gc.get_threshold() == (50_000, 20, 20), gc.get_threshold()
    late = [[] for _ in range(1_000)]
    with rarely_collected(200_000):
        assert gc.get_freeze_count() == outer, "what came later is still looked at"
        assert gc.get_threshold()[0] == 200_000
    assert gc.get_threshold()[0] == 50_000
    assert gc.get_freeze_count() == outer
try:
    with rarely_collected(10):
        raise KeyError
except KeyError:
    pass
assert (gc.get_freeze_count(), gc.get_threshold()) == (0, before)
"""


def test_what_there_is_stays_out_of_the_rounds_until_the_block_ends() -> None:
    done = subprocess.run([sys.executable, "-c", NESTED], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
