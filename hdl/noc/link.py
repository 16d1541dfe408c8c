"""The link between two routers: one flit each cycle, with a ready for each traffic class."""

from amaranth.lib.wiring import In, Out, Signature

from ..config import Config
from .packet import CLASSES, flit_layout


class Link(Signature):
    """A link, seen from its sender.

    At most one bit of ``valid`` is set: a flit of that class is offered. It is taken in the cycle in which the same bit
    of ``ready`` is set, too. ``ready`` does not depend on ``valid``.
    """

    def __init__(self, config: Config):
        super().__init__({
            "valid": Out(CLASSES),
            "ready": In(CLASSES),
            "flit": Out(flit_layout(config)),
        })
