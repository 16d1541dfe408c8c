"""The core: threads, front end, scalar execution, load and store, vector and matrix units."""
