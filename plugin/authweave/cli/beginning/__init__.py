"""What `authweave new` is made of: its options, its form at a terminal, and what it says at the end."""
