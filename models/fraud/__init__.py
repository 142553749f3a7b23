"""How implausible a behaviour or a listing is, and the evidence for it."""
