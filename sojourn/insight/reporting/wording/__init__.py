"""The words of reports: a table in each language."""
