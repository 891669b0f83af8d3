"""Customization jobs: what they need before they start, their data and roles, and the jobs themselves."""
