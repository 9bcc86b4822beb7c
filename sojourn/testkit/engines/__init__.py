"""The engines that a journey's test runs on: Temporal's, or one in the test's own process."""
