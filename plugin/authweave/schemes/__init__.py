"""Auth types: one file each."""
