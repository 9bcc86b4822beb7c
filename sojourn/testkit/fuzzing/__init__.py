"""Fuzzing: make stories up, play them in this process, and shrink those that break an invariant.

`script` is a story to be played, `drawing` makes them up by hypothesis, `memory` plays them fast,
`stage` on the real gate, `searching` looks for one that breaks an invariant, `writing` says it as a
timeline and as a test, `command` is ``sojourn fuzz``.
"""
