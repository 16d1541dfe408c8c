// The storage of an SRAM bank as single-port macros, which are black boxes: for each word a column of macros of 64 and
// of 8 bits, as deep as there are (1024, 512, 256 and 128 rows). DEPTH is a multiple of 128.
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
    localparam DEEP = DEPTH / 1024;
    localparam PARTS = DEEP + 3;

    wire [72*WORDS-1:0] read [0:PARTS-1];
    wire [PARTS-1:0] chosen;
    reg [PARTS-1:0] answering;
    reg [72*WORDS-1:0] answer;
    genvar part, i;
    integer k;

    generate
        for (part = 0; part < PARTS; part = part + 1) begin : parts
            localparam ROWS = part < DEEP ? 1024 : 512 >> part - DEEP;
            localparam FIRST = part < DEEP ? 1024 * part : DEPTH / (2 * ROWS) * (2 * ROWS);
            if (part < DEEP || (DEPTH & ROWS)) begin : there
                assign chosen[part] = address >= FIRST && address < FIRST + ROWS;
                for (i = 0; i < WORDS; i = i + 1) begin : word
                    wire [63:0] data;
                    wire [7:0] check;
                    wire off = ~(enable & chosen[part] & (words[i] | ~write));
                    if (ROWS == 1024) begin : macro
                        SRAM1RW1024x64 d (.CE(clk), .CSB(off), .WEB(~write), .OEB(1'b0), .A(address[9:0]),
                                          .I(write_data[64*i +: 64]), .O(data));
                        SRAM1RW1024x8 c (.CE(clk), .CSB(off), .WEB(~write), .OEB(1'b0), .A(address[9:0]),
                                         .I(write_check[8*i +: 8]), .O(check));
                    end else if (ROWS == 512) begin : macro
                        SRAM1RW512x64 d (.CE(clk), .CSB(off), .WEB(~write), .OEB(1'b0), .A(address[8:0]),
                                         .I(write_data[64*i +: 64]), .O(data));
                        SRAM1RW512x8 c (.CE(clk), .CSB(off), .WEB(~write), .OEB(1'b0), .A(address[8:0]),
                                        .I(write_check[8*i +: 8]), .O(check));
                    end else if (ROWS == 256) begin : macro
                        SRAM1RW256x64 d (.CE(clk), .CSB(off), .WEB(~write), .OEB(1'b0), .A(address[7:0]),
                                         .I(write_data[64*i +: 64]), .O(data));
                        SRAM1RW256x8 c (.CE(clk), .CSB(off), .WEB(~write), .OEB(1'b0), .A(address[7:0]),
                                        .I(write_check[8*i +: 8]), .O(check));
                    end else begin : macro
                        SRAM1RW128x64 d (.CE(clk), .CSB(off), .WEB(~write), .OEB(1'b0), .A(address[6:0]),
                                         .I(write_data[64*i +: 64]), .O(data));
                        SRAM1RW128x8 c (.CE(clk), .CSB(off), .WEB(~write), .OEB(1'b0), .A(address[6:0]),
                                        .I(write_check[8*i +: 8]), .O(check));
                    end
                    assign read[part][72*i +: 72] = {check, data};
                end
            end else begin : absent
                assign chosen[part] = 1'b0;
                assign read[part] = {72*WORDS{1'b0}};
            end
        end
        for (i = 0; i < WORDS; i = i + 1) begin : split
            assign {read_check[8*i +: 8], read_data[64*i +: 64]} = answer[72*i +: 72];
        end
    endgenerate

    always @(posedge clk)
        if (enable & ~write) answering <= chosen;

    always @* begin
        answer = {72*WORDS{1'b0}};
        for (k = 0; k < PARTS; k = k + 1)
            answer = answer | ({72*WORDS{answering[k]}} & read[k]);
    end
endmodule
