"""`figment demo`: the whole main job on one dataset, from a folder of events to answers over HTTP."""
