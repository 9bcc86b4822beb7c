"""``python -m starter`` is ``sojourn``."""

import sys

from starter.cli import main

sys.exit(main())
