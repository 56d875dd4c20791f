"""What a network is: its sizes, its layers, its weights in files. Importing this loads no torch."""
