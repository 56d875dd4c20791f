"""What every request and answer passes, whatever it is about. Knows no service but its own counters."""
