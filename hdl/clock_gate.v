// A clock gate: the clock's next high phase comes through if `enable` is set when it begins. Only Verilator, which saves
// time by it, is shown one; for everybody else it is always open.
module d1_clock_gate (
    input  clk,
    input  enable,
    output gated
);
`ifdef VERILATOR
    reg open;

    always_latch
        if (!clk) open = enable;

    assign gated = clk & open;
`else
    assign gated = clk;
`endif
endmodule
