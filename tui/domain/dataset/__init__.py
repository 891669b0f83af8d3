"""What is looked for and done in files of pairs: rules, leaks, statistics, splits, filters, generation."""
