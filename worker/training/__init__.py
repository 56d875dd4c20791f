"""The loop that trains, and its mathematics. Knows no run, no registry, no queue and no store."""
