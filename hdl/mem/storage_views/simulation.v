// The storage of an SRAM bank, for simulation. What was read stands on the outputs until the next read.
module d1_sram_bank #(
    parameter DEPTH = 512,
    parameter WORDS = 8,
    parameter ADDRESS_BITS = 9
) (
    input                     clk,
    input                     enable,
    input                     write,
    input  [ADDRESS_BITS-1:0] address,
    input  [WORDS-1:0]        words,
    input  [64*WORDS-1:0]     write_data,
    input  [8*WORDS-1:0]      write_check,
    output reg [64*WORDS-1:0] read_data,
    output reg [8*WORDS-1:0]  read_check
);
    reg [64*WORDS-1:0] lines [0:DEPTH-1];
    reg [8*WORDS-1:0] checks [0:DEPTH-1];
    integer i;

    always @(posedge clk)
        if (enable) begin
            if (write) begin
                for (i = 0; i < WORDS; i = i + 1)
                    if (words[i]) begin
                        lines[address][64*i +: 64] <= write_data[64*i +: 64];
                        checks[address][8*i +: 8] <= write_check[8*i +: 8];
                    end
            end else begin
                read_data <= lines[address];
                read_check <= checks[address];
            end
        end
endmodule
