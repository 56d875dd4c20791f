"""Flow 2, the API half: a run is put on disk, then into the queue."""
