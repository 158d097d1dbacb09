"""Records on disk: keys, atomic writes, digests, bounds and claims."""
