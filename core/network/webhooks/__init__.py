"""Webhooks on disk: what is told of runs and models, to whom, signed by what, and how far that is. Knows no HTTP."""
