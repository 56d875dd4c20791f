"""What people type: the `ganymede` command. Runs without torch; the servers are processes it starts."""
