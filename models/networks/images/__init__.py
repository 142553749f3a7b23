"""Networks that make and judge pictures of products."""
