"""SE-ADA and the building blocks that every method shares."""
