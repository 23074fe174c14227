"""What a profile does not write, found: metadata of servers, and registration as a client (RFC 8414, 9728, 7591)."""
