"""Tokens in SQLite: the store, and what one file that many processes share takes."""
