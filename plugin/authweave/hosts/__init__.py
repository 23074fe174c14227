"""Adapters for platforms that load authweave by a door of their own: one file each, imported by that platform alone."""
