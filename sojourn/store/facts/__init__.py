"""Facts in the store: `one` customer in the transaction at hand, `all` by one statement."""
