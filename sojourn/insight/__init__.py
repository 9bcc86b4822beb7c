"""The read side: a customer's story, the fate of a message, letters, runs and queues."""
