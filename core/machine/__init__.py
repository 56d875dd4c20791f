"""What this process has of the machine: cores, memory; and processes beside it."""
