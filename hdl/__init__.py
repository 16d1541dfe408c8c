"""The open D1 in Amaranth: arithmetic, core, memory, mesh, node and host edge."""
