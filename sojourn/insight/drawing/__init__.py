"""Drawing: a journey as a picture, found by running its steps down every branch."""
