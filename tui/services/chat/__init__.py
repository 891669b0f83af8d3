"""Models asked by this app: streamed or held to a schema; answers, votes and parameters remembered."""
