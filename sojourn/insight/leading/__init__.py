"""Leading on: the open runs of an installation taken into memory, and time let pass there."""
