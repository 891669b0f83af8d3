"""Evaluations: run, judged and kept here, or handed over to Bedrock's evaluation jobs."""
