"""From raw T1 images as scanners and archives leave them to volumes in template space."""
