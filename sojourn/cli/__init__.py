"""The `sojourn` command: the local stack, starting, publishing, replaying, explaining."""
