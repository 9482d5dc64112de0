"""Kiosks and agents: their API, their keys, limits and floats."""
