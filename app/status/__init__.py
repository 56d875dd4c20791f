"""HTTP of how the service does: health, metrics, queue and workers, storage. Changes nothing."""
