"""The commands that speak to a service over HTTP, one module a noun. None of them needs more than the base install."""
