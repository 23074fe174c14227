"""Connections: a profile for one tenant and subject, whose credential it is, and how calls for it leave."""
