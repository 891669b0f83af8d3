"""Customization jobs, and runs: job, custom model and endpoints as one row."""
