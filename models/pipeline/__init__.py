"""`figment train` as steps: read, fit, measure, seal the bundle."""
