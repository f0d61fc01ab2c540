"""Reliability: how far scans of one person agree over sites and over repeats, as studies of travelling subjects ask."""
