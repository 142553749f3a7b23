"""Rankers without torch: popularity and item neighbours."""
