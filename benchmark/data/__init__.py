"""Manifests, splits, the volume store, the phantom and the shared LightningDataModule."""
