"""Suites that every member of a kind passes; a package of your own can import them."""
