"""A results folder: its schema, reading, writing, comparing, and migration from earlier versions."""
