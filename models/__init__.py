"""The learning: data, features, networks, training, retrieval and recommendation; no HTTP, no SQL."""
