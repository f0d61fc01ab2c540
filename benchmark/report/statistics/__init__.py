"""Statistics between methods: intervals, paired tests, ranks and what a design can detect."""
