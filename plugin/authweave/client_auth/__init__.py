"""Client authentication methods (RFC 7591 names): one file each."""
