"""What answers for a custom model and what it costs: endpoints, leases and the schedules that end them."""
