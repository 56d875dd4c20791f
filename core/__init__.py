"""What the sides agree on: settings, errors, references, runs, datasets, the store. Knows no torch and no HTTP."""

from importlib.metadata import PackageNotFoundError, version

try:
    VERSION = version("ganymede-gan")
except PackageNotFoundError:  # run from a bare checkout
    VERSION = "0+unknown"
