"""Folders that appear whole, and files that are whole or not there."""

from core.store.store import SCHEMA, Store, check_files, list_files

__all__ = ["SCHEMA", "Store", "check_files", "list_files"]
