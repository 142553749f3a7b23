"""How good generated pictures are, and the textbook generator that they are compared with."""
