"""What a shop's service remembers: catalogue, events, keys, jobs, lists. The only room that knows SQL."""
