"""How good pictures are, as numbers: distances between sets of features. Knows no networks, no files and no run.

Everything here is a pure function of feature arrays; docs/metrics.md says what each number means.
"""
