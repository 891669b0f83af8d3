"""Evaluations: questions, judgements, statistics of pairs of scores, and the headline."""
