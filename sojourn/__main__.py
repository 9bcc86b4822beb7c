"""``python -m sojourn`` is ``sojourn``."""

import sys

from sojourn.cli.app import main

sys.exit(main())
