"""OAuth 2 grants: one file each."""
