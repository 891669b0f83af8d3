"""Screens: the main one, which owns the shared state and every route between tabs, the evaluation and the review."""
