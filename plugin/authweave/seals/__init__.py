"""Ways to sign a finished request: one file each."""
