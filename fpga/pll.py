"""The PLL of an ECP5."""

from dataclasses import dataclass

from amaranth.hdl import ClockSignal, Instance, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.cdc import ResetSynchronizer
from amaranth.lib.wiring import In

#: What the PLL's oscillator and its phase detector can do, in Hz (Lattice FPGA-DS-02012, sysCLOCK PLL timing).
VCO_HZ = 400e6, 800e6
DETECTOR_HZ = 3.125e6, 400e6


@dataclass(frozen=True, kw_only=True)
class PllSettings:
    """Dividers of input, feedback and output: the output is input x feedback / input divider."""

    input_divider: int
    feedback_divider: int
    output_divider: int

    @classmethod
    def of(cls, *, input_hz: int, output_hz: int) -> "PllSettings":
        """The settings that give exactly `output_hz`, with the oscillator near the middle of its range.

        Raises
        ------
        ValueError
            If no settings do.
        """
        def fits(settings: "PllSettings") -> bool:
            vco, detector = output_hz * settings.output_divider, input_hz / settings.input_divider
            return VCO_HZ[0] <= vco <= VCO_HZ[1] and DETECTOR_HZ[0] <= detector <= DETECTOR_HZ[1]

        possible = [
            settings for input_divider in range(1, 129) if output_hz * input_divider % input_hz == 0
            for feedback in [output_hz * input_divider // input_hz] if feedback in range(1, 81)
            for output_divider in range(1, 129)
            if fits(settings := cls(input_divider=input_divider, feedback_divider=feedback,
                                    output_divider=output_divider))]
        if not possible:
            raise ValueError(f"the PLL cannot make {output_hz:,} Hz out of {input_hz:,} Hz")
        middle = sum(VCO_HZ) / 2
        return min(possible, key=lambda found: (found.input_divider, abs(output_hz * found.output_divider - middle)))


class ClockGenerator(wiring.Component):
    """Drives the ``sync`` domain, which its parent has to define, from an oscillator.

    Parameters
    ----------
    input_hz, output_hz : int

    Members
    -------
    oscillator : In(1)
    reset : In(1)
        Asynchronous; the domain is in reset until it is over and the PLL has locked.
    """

    def __init__(self, *, input_hz: int, output_hz: int):
        self.settings = PllSettings.of(input_hz=input_hz, output_hz=output_hz)
        self.output_hz = output_hz
        super().__init__({"oscillator": In(1), "reset": In(1)})

    def elaborate(self, platform):
        m = Module()
        settings = self.settings
        pll_clock, locked = Signal(attrs={"keep": "true"}), Signal()
        m.submodules.pll = Instance(
            "EHXPLLL",
            p_PLLRST_ENA="DISABLED", p_INTFB_WAKE="DISABLED", p_STDBY_ENABLE="DISABLED", p_DPHASE_SOURCE="DISABLED",
            p_OUTDIVIDER_MUXA="DIVA", p_OUTDIVIDER_MUXB="DIVB", p_OUTDIVIDER_MUXC="DIVC", p_OUTDIVIDER_MUXD="DIVD",
            p_CLKI_DIV=settings.input_divider, p_CLKFB_DIV=settings.feedback_divider,
            p_CLKOP_ENABLE="ENABLED", p_CLKOP_DIV=settings.output_divider,
            # Edges of output and input coincide.
            p_CLKOP_CPHASE=settings.output_divider - 1, p_CLKOP_FPHASE=0, p_FEEDBK_PATH="CLKOP",
            a_ICP_CURRENT="12", a_LPF_RESISTOR="8",
            i_RST=0, i_STDBY=0, i_CLKI=self.oscillator, i_CLKFB=pll_clock,
            i_PHASESEL0=0, i_PHASESEL1=0, i_PHASEDIR=1, i_PHASESTEP=1, i_PHASELOADREG=1, i_PLLWAKESYNC=0, i_ENCLKOP=0,
            o_CLKOP=pll_clock, o_LOCK=locked)
        m.d.comb += ClockSignal().eq(pll_clock)
        m.submodules.reset = ResetSynchronizer(self.reset | ~locked)
        platform.add_clock_constraint(pll_clock, self.output_hz)
        return m
