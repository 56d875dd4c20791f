"""Folders that appear whole, and files that are whole or not there."""

from core.store.record import SCHEMA, FileDigest, Listed, Record
from core.store.store import Store, check_files, list_files

__all__ = ["SCHEMA", "FileDigest", "Listed", "Record", "Store", "check_files", "list_files"]
