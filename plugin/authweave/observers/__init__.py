"""Who is told of events: one file per name."""
