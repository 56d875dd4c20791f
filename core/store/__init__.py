"""Folders that appear whole, and files that are whole or not there."""

from core.store.record import SCHEMA, Listed, Record
from core.store.repository import Pointer, Repository, Stamp
from core.store.store import Store, check_files, list_files

__all__ = ["SCHEMA", "Listed", "Pointer", "Record", "Repository", "Stamp", "Store", "check_files", "list_files"]
