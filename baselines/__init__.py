"""Methods that SE-ADA is compared with, one per file."""
