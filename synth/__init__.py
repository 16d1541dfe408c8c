"""ASIC area, depth and timing of the design's blocks; `docs/synthesis.md` says how, and what the figures leave out."""
