"""Helpers shared by the lessons. Data flows one way: Params → forward → Trace → jacobians → norms → figure."""
