"""Links in messages, and the pages that they lead customers to."""
