"""The networks as torch modules, and their ONNX export; no other input or output."""
