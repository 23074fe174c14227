"""The page of the report format `html`: what is told (words, sequence), and how it looks (templates, style, script)."""
