"""The link between the host's serial port and the edge port of a mesh."""
