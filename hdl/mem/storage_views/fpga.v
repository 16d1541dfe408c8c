// The storage of an SRAM bank as block RAM, which synthesis infers: one memory for each word.
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
    output [64*WORDS-1:0]     read_data,
    output [8*WORDS-1:0]      read_check
);
    genvar i;

    generate
        for (i = 0; i < WORDS; i = i + 1) begin : word
            (* ram_style = "block" *) reg [71:0] memory [0:DEPTH-1];
            reg [71:0] read;

            always @(posedge clk)
                if (enable) begin
                    if (write) begin
                        if (words[i]) memory[address] <= {write_check[8*i +: 8], write_data[64*i +: 64]};
                    end else
                        read <= memory[address];
                end

            assign {read_check[8*i +: 8], read_data[64*i +: 64]} = read;
        end
    endgenerate
endmodule
