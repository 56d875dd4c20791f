"""Checkpoints of a run: written, read, begun from, gone back to."""
