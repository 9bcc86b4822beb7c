"""Benchmarks: costs counted from real histories, speeds as ratios measured side by side."""
