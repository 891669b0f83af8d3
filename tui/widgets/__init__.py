"""Reusable widgets; they take domain values and know no service."""
