"""The weekly report: what the messages of a week did, as an e-mail to the team."""
