"""Token stores: one file each."""
