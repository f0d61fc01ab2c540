"""From a method's YAML file to a trained model and its embeddings."""
