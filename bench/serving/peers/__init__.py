"""One small server per peer, each as its documentation has it. They run in a virtual environment of their own."""
