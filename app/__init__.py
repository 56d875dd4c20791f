"""The HTTP side. Flow 1 draws images; flow 2 takes training runs and hands them to the queue."""
