"""Helpers shared by the lessons. Data flows one way: Params → forward → Trace → jacobians → norms → figure."""

__version__ = "0.1.0"  # `make heads` copies it from pyproject.toml
