"""Where a field can be put: one file per value of `in`."""
