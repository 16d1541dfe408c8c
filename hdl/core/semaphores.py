"""The counting semaphores of a node."""

from amaranth.hdl import Array, Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..arbiter import RoundRobin
from ..config import Config
from ..onehot import select

COUNT_BITS = 16


class Semaphores(wiring.Component):
    """Counters that threads and the mesh post, and that threads wait for or try to take from.

    One post of a thread, one of the mesh, one grant and one try a cycle; no post ever waits. A waiting thread is
    granted when its whole amount is there, in the cycle after at the earliest, and a semaphore grants in every other
    cycle at most; threads that could be granted at once take turns, behind one that tries.

    Members
    -------
    post : In(1), post_index : In
        A thread of this node posts.
    mesh_post : In(stream)
        Posts from the mesh and the list engines.
    overflow : Out(2)
        The thread's post, and the mesh's, finds the counter at 65,535 and is refused. At 65,534 the thread comes first.
    wait, wait_index, wait_amount : In
        For each thread, a strobe to start waiting; it must not be waiting yet.
    tries, take : In(1), taken : Out(1)
        Early: a thread may be trying to take ``wait_amount`` of ``wait_index`` now; late: it does. That is there.
    cancel : In(threads)
        Stop waiting, without the semaphore, unless it is granted in this very cycle.
    waiting : Out(threads)
        Threads that wait.
    granted : Out(threads)
        Strobe, one-hot: this thread has its semaphore; it no longer waits from the next cycle on.
    """

    def __init__(self, *, config: Config):
        self.config = config
        super().__init__({
            "post": In(1),
            "post_index": In(config.semaphore_bits),
            "mesh_post": In(stream.Signature(config.semaphore_bits, always_ready=True)),
            "overflow": Out(2),
            "wait": In(config.threads),
            "wait_index": In(config.semaphore_bits),
            "wait_amount": In(COUNT_BITS),
            "tries": In(1),
            "take": In(1),
            "taken": Out(1),
            "cancel": In(config.threads),
            "waiting": Out(config.threads),
            "granted": Out(config.threads),
        })

    def elaborate(self, platform):
        m = Module()
        config = self.config
        counts = Array(Signal(COUNT_BITS, name=f"count_{index}") for index in range(config.semaphores))
        demand = data.StructLayout({"index": config.semaphore_bits, "amount": COUNT_BITS})
        demands = [Signal(demand, name=f"demand_{thread}") for thread in range(config.threads)]

        # What a thread is granted leaves its counter in the next cycle. Until then the semaphore grants nothing.
        leaves = Signal(demand)  # all zeros if nothing does
        leaving = Signal()
        enough = Cat((counts[wanted.index] >= wanted.amount) & ~(leaving & (leaves.index == wanted.index))
                     & ~(self.tries & (self.wait_index == wanted.index)) for wanted in demands)
        m.submodules.turn = turn = RoundRobin(count=config.threads)
        m.d.comb += [
            turn.requests.eq(self.waiting & enough),
            turn.advance.eq(1),
            self.granted.eq(turn.grant),
        ]
        m.d.sync += [
            leaving.eq(turn.grant.any()),
            leaves.eq(select(turn.grant, [wanted.as_value() for wanted in demands])),
        ]
        m.d.sync += self.waiting.eq((self.waiting & ~self.granted & ~self.cancel) | self.wait)
        for thread, wanted in enumerate(demands):
            with m.If(self.wait[thread]):
                m.d.sync += [wanted.index.eq(self.wait_index), wanted.amount.eq(self.wait_amount)]

        own, mesh = counts[self.post_index], counts[self.mesh_post.payload]
        last = self.post & (self.post_index == self.mesh_post.payload) & mesh[1:].all()  # room for one of both at most
        m.d.comb += self.overflow.eq(Cat(self.post & own.all(), self.mesh_post.valid & (mesh.all() | last)))
        accepted = Cat(self.post, self.mesh_post.valid) & ~self.overflow

        left = counts[self.wait_index] - Mux(leaves.index == self.wait_index, leaves.amount, 0)
        m.d.comb += self.taken.eq(left >= self.wait_amount)
        for number, count in enumerate(counts):
            up = Signal(2, name=f"up_{number}")
            down, tried = (Signal(COUNT_BITS, name=f"{name}_{number}") for name in ("down", "tried"))
            m.d.comb += up.eq((accepted[0] & (self.post_index == number))
                              + (accepted[1] & (self.mesh_post.payload == number)))
            with m.If(leaves.index == number):
                m.d.comb += down.eq(leaves.amount)
            with m.If(self.take & self.taken & (self.wait_index == number)):
                m.d.comb += tried.eq(self.wait_amount)
            m.d.sync += count.eq(count + up - down - tried)
        return m
