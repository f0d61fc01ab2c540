"""Tasks that others can take part in: exported as a folder, answered by embeddings, scored as rows of a table."""
