"""Formats of the test report: one file each."""
