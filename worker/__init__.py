"""Flow 2, the training half: an RQ worker takes a run, trains it, publishes its generator."""
