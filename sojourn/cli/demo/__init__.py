"""The demo: customers of a project's journeys on the real engine, with time moved forward."""
