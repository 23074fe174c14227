"""A document looked at whole: its defaults, templates, parts and secrets, and every problem in it."""
