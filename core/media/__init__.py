"""Pictures and sounds as files of their own formats."""
