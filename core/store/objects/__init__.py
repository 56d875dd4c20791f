"""A bucket of an S3-compatible server in the place of files. Nothing of it is imported where the store is files."""
