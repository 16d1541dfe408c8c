"""The golden model of the open D1, and the runner that builds and drives its RTL."""
