"""Benchmarks and the builders of bundled data. Nothing here is imported by the service."""
