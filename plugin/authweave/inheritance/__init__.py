"""`extends`: which parent is meant, and a child over its parent."""
