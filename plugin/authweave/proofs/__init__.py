"""What signatures, proofs of keys and answers to challenges are made of, without a profile."""
