"""What keeps a process serving well: the live model, permits for work, start and drain."""
