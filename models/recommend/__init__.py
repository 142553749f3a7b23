"""History to generated features to nearest real products to one ranked list."""
