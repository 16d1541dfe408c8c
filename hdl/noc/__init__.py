"""The mesh: packets, router, network interface, list engine, host edge."""
