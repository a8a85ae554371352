"""Measurements of time and memory; each module runs by itself."""
