"""Serve the journeys and the channels of this project."""

import sys

from sojourn.serving.worker import main

if __name__ == "__main__":
    sys.exit(main())
