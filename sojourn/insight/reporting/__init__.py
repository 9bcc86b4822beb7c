"""Reports: figures of journeys and campaigns, read from the rollups; drawn, and as one page."""
