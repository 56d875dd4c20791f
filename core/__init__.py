"""What the sides agree on: settings, errors, runs, datasets, the store. Knows no torch and no HTTP."""
