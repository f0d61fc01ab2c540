"""SE-ADA, the method under study, and what it alone uses."""
