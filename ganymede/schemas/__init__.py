"""The contract: bodies of requests and answers, run spec and states, references, problem codes.

The lowest layer, which the service fills and the client reads. Needs pydantic alone, and knows no HTTP.
"""

from importlib.metadata import PackageNotFoundError, version

try:
    VERSION = version("ganymede-gan")
except PackageNotFoundError:  # run from a bare checkout
    VERSION = "0+unknown"
