"""Questions, answers, conversations of two sides, votes."""
