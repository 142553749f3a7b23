"""Read and check catalogue and events; sequences and splits; known sources."""
