"""Take events by Segment's tracking API."""
