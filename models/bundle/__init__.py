"""The sealed folder that training hands to serving: manifest, write, read and verify, versions."""
