"""Acme's ways to authenticate: one file for each extension."""
