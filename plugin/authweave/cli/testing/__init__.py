"""What `authweave test` is made of: a group of options a file, and what they do."""
