"""How often intervals cover and tests reject, counted over whole new data sets."""
