"""Plain values and pure functions: events, messages, local time, policy; imports no other room."""
