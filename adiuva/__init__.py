"""Adiuva Cloud API: the project."""

__version__ = "0.1.0"
