"""Measures of ranked lists, one a file; every file offers ``MEASURES``."""
