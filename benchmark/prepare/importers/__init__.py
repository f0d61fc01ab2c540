"""From a download folder to per-site manifests: one module an archive, found by its name."""
