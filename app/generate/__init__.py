"""Flow 1: from a seed to a picture. In order of travel: route, ask, hotload, batcher, engine."""
