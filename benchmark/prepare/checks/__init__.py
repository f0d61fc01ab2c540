"""What is wrong with a collection of manifests, and what could be measured with it."""
