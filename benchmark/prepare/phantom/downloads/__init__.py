"""Small faithful replicas of dataset downloads, with invented subjects, for tests and for trying a command."""
