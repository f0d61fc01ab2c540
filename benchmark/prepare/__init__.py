"""From what an archive holds to manifests and prepared volumes, and the phantom that stands for it."""
