"""Models over HTTP: route (what there is), aliases (what a name means), transfer (files out and in)."""
