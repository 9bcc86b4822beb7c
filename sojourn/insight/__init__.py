"""Read what happened: stories, fates, letters, runs and queues."""
