"""What C++ has to know of a compiled router or node to wire it."""

from pathlib import Path

from hdl.config import Config
from hdl.noc.packet import flit_layout
from hdl.noc.routing import NEIGHBOURS

#: The C++ that goes with it.
HEADER = Path(__file__).with_name("wires.h")


def constants(config: Config) -> dict[str, object]:
    """Words of a flit, and the ports of the model ``r``."""
    def ports(kind: str) -> str:
        return "{" + ", ".join(f"{{&r.{kind}__{side}__slot, &r.{kind}__{side}__freed, &r.{kind}__{side}__flit}}"
                               for side in map(int, NEIGHBOURS)) + "}"

    return {"FLIT_WORDS": -(-flit_layout(config).size // 32), "INPUT_PORTS": ports("inputs"),
            "OUTPUT_PORTS": ports("outputs")}
