"""The shop's own world, as journeys reach it: one file an activity."""
