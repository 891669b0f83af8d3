"""The main screen, which owns the shared state and every route between tabs."""
