"""Reports: figures of journeys and campaigns, read from the rollups, drawn, and put on one page."""
