"""Items by text: words as they are written, meaning by the sentence encoder, and a shopper's history on top."""
