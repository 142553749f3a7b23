"""The adversarial training loop: configuration, losses, batches, watch, checkpoints."""
