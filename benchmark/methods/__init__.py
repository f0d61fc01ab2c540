"""What every method of the benchmark shares: the base class, encoder, decoder, averaged weights, views."""
