"""Many messages at a time: the gate, the ledger and the hand-over of a campaign's batches.

A batch asks what the gate asks of one message, by statements about all of its customers, and lets
the same verdict (`domain.verdict`) decide on each. A message about which there is more to say than
"nobody has decided on it yet" goes the way of single messages (`sending.send`).
"""
