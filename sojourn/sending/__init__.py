"""Send messages: the gate, the claim, the hand-over and its outcome."""
