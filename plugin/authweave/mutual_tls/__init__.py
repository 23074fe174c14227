"""Client certificates and private authorities (`tls` of a profile): read, checked before the network, and kept as wires."""
