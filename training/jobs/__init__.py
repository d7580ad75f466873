"""Running studies: launch, queue, supervisor, execution backends, status, monitoring."""
