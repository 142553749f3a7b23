"""Pictures of products that do not exist: what is asked for, made, marked and found again, without torch."""
