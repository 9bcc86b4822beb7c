"""Write journeys: the verbs, and the Temporal runtime they stand on."""
