"""Tokens in Redis: the store, and what a call to Redis takes."""
