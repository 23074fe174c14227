"""Where the browser comes back to: a listener on this machine (RFC 8252 §7.3), the page it shows, and the browser itself."""
