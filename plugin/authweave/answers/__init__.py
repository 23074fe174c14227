"""What the answers of servers say: challenges, Retry-After, bodies, JWTs, and conditions on them."""
