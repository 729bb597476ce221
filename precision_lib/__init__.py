"""Scaling laws for precision: quantizers, tiny training runs, and the fitted laws."""
