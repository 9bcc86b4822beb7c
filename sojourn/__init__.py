"""A customer-journey engine on Temporal."""
