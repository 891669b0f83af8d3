"""Metrics of training jobs: found, read with pandas, kept, exported."""
