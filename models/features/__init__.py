"""Item content and histories to arrays: one path for training and serving; NumPy and ONNX Runtime only."""
