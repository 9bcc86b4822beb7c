"""Segment's tracking API: calls of services, browsers and apps."""
