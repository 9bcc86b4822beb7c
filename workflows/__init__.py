"""Journeys: the verbs in `workflows.journey`, and one file a journey, found by its presence."""
