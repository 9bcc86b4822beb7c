"""What Sojourn talks about: events, messages, local time, policy. Imports nothing of ours."""
