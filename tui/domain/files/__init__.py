"""How pairs stand in files: formats and layouts, bytes to records and back, documents that can be edited."""
