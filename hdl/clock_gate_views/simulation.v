// A clock gate: the clock's next high phase comes through if `enable` is set when it begins.
module d1_clock_gate (
    input  clk,
    input  enable,
    output gated
);
    reg open;

    always_latch
        if (!clk) open = enable;

    assign gated = clk & open;
endmodule
