"""A tile on an FPGA board: the link to the host, boards, bitstreams, and the host's end. See docs/board.md."""
