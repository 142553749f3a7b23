"""Names of the files of a picture model."""

from typing import Final

IN_BUNDLE: Final = "images"
"""The folder of a bundle that holds its picture model, if it was trained with one."""
MANIFEST: Final = "images.json"
GENERATOR: Final = "networks/images.onnx"
CLASSIFIER: Final = "networks/picture_classifier.onnx"
TEXT_ENCODER: Final = "networks/text_encoder.onnx"
TOKENIZER: Final = "networks/tokenizer.json"
TEXT_PROJECTION: Final = "text_projection.npz"
ITEMS: Final = "pictured_items.parquet"
"""`item_id`, `category` and `colour` (rows of the vocabulary) of every product with a photograph."""
PICTURE_FEATURES: Final = "picture_features.npy"
TEXT_FEATURES: Final = "text_features.npy"
CONTACT_SHEET: Final = "contact_sheet.png"
"""For people: what it makes, category by category."""

ALWAYS: Final = frozenset({GENERATOR, CLASSIFIER, ITEMS, PICTURE_FEATURES, TEXT_FEATURES})
WITH_TEXTS: Final = frozenset({TEXT_ENCODER, TOKENIZER, TEXT_PROJECTION})
"""Only where the products have texts."""
