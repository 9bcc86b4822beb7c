"""Serve the journeys and the channels of this project."""

import sojourn

if __name__ == "__main__":
    sojourn.serve()
