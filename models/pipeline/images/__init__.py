"""`figment images train` as steps."""
