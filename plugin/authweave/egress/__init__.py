"""Where calls may go: the policy that a platform gives its engine, and what asks it before each connection."""
