"""HTTP of flow 1: a request for pictures is read, answered from memory or drawn by app.engine, and sent."""
