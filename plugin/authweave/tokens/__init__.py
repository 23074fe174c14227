"""A token's life: kept in a process, renewed once among many owners, over a store that may fail."""
