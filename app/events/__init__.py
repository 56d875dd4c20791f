"""HTTP of what happens, live: the events of a run, and of all runs and models. Knows no network."""
