"""What Sojourn costs and how fast it is: counts from real histories, ratios side by side."""
