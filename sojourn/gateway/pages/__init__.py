"""Serve the pages that customers see."""
