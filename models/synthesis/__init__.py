"""Shoppers and items that do not exist: sessions walked by the generator, features decoded into catalogue rows."""
