"""Asynchronous services: the only code that knows AWS or the disk."""
