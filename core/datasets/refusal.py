"""What is raised over one file of many. Knows no file."""


class FileRefused(Exception):
    """One file of many cannot be taken; the text is the reason, and the others may well be taken."""
