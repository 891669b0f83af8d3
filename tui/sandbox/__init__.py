"""AWS on this machine: real HTTP, real training, no account."""
