"""A bundle's catalogue as the shop changes it: new, changed and deleted items beside what was trained."""
