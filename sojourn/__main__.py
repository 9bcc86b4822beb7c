"""``python -m starter`` is ``sojourn``."""

import sys

from sojourn.cli.app import main

sys.exit(main())
