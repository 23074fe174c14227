"""The flow of one task request, in no colour."""
