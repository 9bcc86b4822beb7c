"""From one customer to all of them: audiences that are watched, and campaigns."""
