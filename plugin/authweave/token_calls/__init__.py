"""A token call: the endpoint, the steps around it, its signature, and its answer."""
