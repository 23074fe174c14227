"""Requests on their way to the wire: what is put into them, and how it is written."""
