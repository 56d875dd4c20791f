"""The inference engine: many requests for pictures, one forward pass. Knows no HTTP and nothing else of the app."""
