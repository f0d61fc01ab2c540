"""What a training tells while it runs: loggers, probe curves, reconstructions, Weights & Biases."""
