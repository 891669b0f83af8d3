"""Asynchronous services: the only code that knows AWS or the disk. `session` makes them, each when first asked for."""
