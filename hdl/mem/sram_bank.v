// One bank of the SRAM, single-ported: the behavioural view, which block RAM inference understands, too.
// A read's data stands on rdata from the cycle after the access until the next read.
module d1_sram_bank #(
    parameter DEPTH = 512,
    parameter WIDTH = 512,
    parameter ADDRESS_BITS = 9
) (
    input                     clk,
    input                     enable,
    input                     write,
    input  [ADDRESS_BITS-1:0] address,
    input  [WIDTH/8-1:0]      mask,
    input  [WIDTH-1:0]        write_data,
    output reg [WIDTH-1:0]    read_data
);
    reg [WIDTH-1:0] lines [0:DEPTH-1];
    integer i;

    always @(posedge clk)
        if (enable) begin
            if (write) begin
                for (i = 0; i < WIDTH / 8; i = i + 1)
                    if (mask[i]) lines[address][8*i +: 8] <= write_data[8*i +: 8];
            end else
                read_data <= lines[address];
        end
endmodule
