"""Loss curves and what they say."""
