"""Campaigns: each is one message to everybody in an audience."""
