"""What becomes of the instructions that a group executes in a cycle, and how its thread goes on."""

from amaranth.hdl import Const, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..config import Config
from .csr import entry_layout
from .slot import course_layout


def candidate_layout() -> data.StructLayout:
    """An instruction, if ``valid``, and what is known of it by itself.

    ``asks``: another node, or the gather engine, has to answer; ``sends``: a packet has to leave for it, which nobody
    answers.
    """
    return data.StructLayout({
        "valid": 1, "pc": 64, "course": course_layout(), "asks": 1, "sends": 1,
    })


class Commit(wiring.Component):
    """Looks at a group's instructions in order, combinationally.

    An instruction is done, or traps, or comes back to its thread when another node has answered. Behind one that
    leaves the predicted way all are void.

    Members
    -------
    thread : In
        Whose instructions they are.
    candidates : In
    answered : In(1)
        What the first one asks for has been answered.
    departs : In(1)
        The first one leaves the predicted way.
    returns : In(1), resume : In(64)
        It is an mret, to there.
    may_send, may_tell : In(1)
        No group before this one sends a packet, or would; a packet that nobody answers can be taken.
    handler : In(64)
        The thread's trap handler; 0: none.
    done, strays, sends : Out(issue_width)
        The instruction has been executed; was predicted wrongly; its packet leaves.
    tries : Out(issue_width), away : Out(1)
        One-hot: whose packet leaves if the instruction is executed, known early. One of them sends, or would then.
    leaves, stops, steps, finishes : Out(1), following : Out(64)
        The thread goes on at `following`, which the front end does not know; has trapped without a handler; has
        executed something; has used up an answer.
    entry : Out
        The trap that it takes.
    """

    def __init__(self, *, config: Config):
        self.width = width = config.issue_width
        super().__init__({
            "thread": In(config.thread_bits),
            "candidates": In(data.ArrayLayout(candidate_layout(), width)),
            "answered": In(1),
            "departs": In(1),
            "returns": In(1),
            "resume": In(64),
            "may_send": In(1),
            "may_tell": In(1),
            "handler": In(64),
            "done": Out(width),
            "strays": Out(width),
            "sends": Out(width),
            "tries": Out(width),
            "away": Out(1),
            "leaves": Out(1),
            "stops": Out(1),
            "steps": Out(1),
            "finishes": Out(1),
            "following": Out(64),
            "entry": Out(entry_layout(config)),
        })

    def elaborate(self, platform):
        m = Module()
        m.d.comb += self.entry.thread.eq(self.thread)
        goes_on, nobody_tries = 1, 1
        for slot in range(self.width):
            candidate = self.candidates[slot]
            course = candidate.course
            trapped, left, away, back = (
                Signal(name=f"{name}_{slot}") for name in ("trapped", "left", "away", "back"))
            answered, departs, returns = (
                (self.answered, self.departs, self.returns) if slot == 0 else [Const(0)] * 3)
            executes = candidate.valid & goes_on
            leaves = candidate.valid & Mux(candidate.asks, ~answered, candidate.sends)
            m.d.comb += [
                trapped.eq(executes & course.trap),
                away.eq(executes & ~course.trap & leaves),
                self.tries[slot].eq(leaves & nobody_tries & self.may_send),
                self.sends[slot].eq(away & self.tries[slot]),
                back.eq(away & (candidate.asks | ~(self.sends[slot] & self.may_tell))),
                self.done[slot].eq(executes & ~trapped & ~back),
                self.strays[slot].eq(self.done[slot] & course.strays),
                left.eq(trapped | back | self.strays[slot] | departs),
            ]
            with m.If(executes):
                m.d.comb += [
                    self.steps.eq(1),
                    self.leaves.eq(left),
                    self.following.eq(Mux(course.jumps, course.target, course.link)),
                ]
            with m.If(returns):
                m.d.comb += self.following.eq(self.resume)
            with m.If(back):
                m.d.comb += self.following.eq(candidate.pc)
            with m.If(trapped):
                m.d.comb += [
                    self.entry.valid.eq(1),
                    self.entry.pc.eq(candidate.pc),
                    self.entry.cause.eq(course.cause),
                    self.entry.value.eq(course.value),
                    self.following.eq(self.handler),
                ]
                with m.If(self.handler == 0):
                    m.d.comb += [self.stops.eq(1), self.leaves.eq(0), self.following.eq(candidate.pc)]
            # The access that was answered, unless somebody has put another instruction in its place meanwhile.
            with m.If(answered & (self.done[slot] | trapped)):
                m.d.comb += self.finishes.eq(1)
            # What is behind an access to a node is void even if its packet leaves; posted ones are issued alone.
            goes_on &= ~(trapped | away | course.strays | departs)
            nobody_tries &= ~leaves
        m.d.comb += self.away.eq(~nobody_tries)
        return m
