"""HTTP Digest access authentication (RFC 7616) as values and arithmetic: what is offered, what is answered, what is kept."""
