"""Plain values and pure functions: events, messages, local time, policy; nothing of ours below."""
