"""What synth/ uses of pyosys, which brings no types."""
