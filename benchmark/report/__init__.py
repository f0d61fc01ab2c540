"""Views on the long score table: Markdown and CSV."""
