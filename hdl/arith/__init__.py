"""Floating-point arithmetic: formats, FP32 addition and multiplication, rounding."""
