"""The serving benchmark: Ganymede beside its peers, the same weights, one machine, one run."""
