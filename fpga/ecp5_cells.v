// What the primitives that `synth.ecp5` makes designs of do, for simulation of netlists. Ours, after Lattice's ECP5 and
// ECP5-5G sysMEM, sysDSP and data sheet notes; only the modes that Yosys uses, and any other ends the simulation.

module LUT4(input A, B, C, D, output Z);
  parameter [15:0] INIT = 16'h0;
  assign Z = INIT[{D, C, B, A}];
endmodule

// Two LUTs and their carries: a LUT's lower quarter generates, all of it propagates.
module CCU2C(input CIN, A0, B0, C0, D0, A1, B1, C1, D1, output S0, S1, COUT);
  parameter [15:0] INIT0 = 16'h0, INIT1 = 16'h0;
  parameter INJECT1_0 = "YES", INJECT1_1 = "YES";
  wire propagate_0 = INIT0[{D0, C0, B0, A0}], propagate_1 = INIT1[{D1, C1, B1, A1}];
  wire generate_0 = INJECT1_0 != "YES" & INIT0[{2'b0, B0, A0}], generate_1 = INJECT1_1 != "YES" & INIT1[{2'b0, B1, A1}];
  wire carry = propagate_0 ? CIN : generate_0;
  assign S0 = propagate_0 ^ (INJECT1_0 != "YES" & CIN);
  assign S1 = propagate_1 ^ (INJECT1_1 != "YES" & carry);
  assign COUT = propagate_1 ? carry : generate_1;
endmodule

module TRELLIS_FF(input CLK, LSR, CE, DI, M, output reg Q);
  parameter GSR = "ENABLED", CEMUX = "CE", CLKMUX = "CLK", LSRMUX = "LSR", REGSET = "RESET", SRMODE = "CE_OVER_LSR";
  localparam SET = REGSET == "SET";
  wire enable = CEMUX == "1" | (CEMUX == "INV" ? ~CE : CE);
  wire reset = LSRMUX == "INV" ? ~LSR : LSR;
  initial begin
    Q = SET;
    if (CLKMUX != "CLK" || SRMODE == "ASYNC") $fatal(1, "TRELLIS_FF: CLKMUX %s, SRMODE %s", CLKMUX, SRMODE);
  end
  always @(posedge CLK)
    if (SRMODE == "LSR_OVER_CE" ? reset : enable & reset) Q <= SET;
    else if (enable) Q <= DI;
endmodule

module TRELLIS_DPR16X4(input [3:0] DI, WAD, input WRE, WCK, input [3:0] RAD, output [3:0] DO);
  parameter WCKMUX = "WCK", WREMUX = "WRE";
  parameter [63:0] INITVAL = 64'b0;
  reg [3:0] words[0:15];
  initial begin
    for (integer i = 0; i < 16; i = i + 1) words[i] = INITVAL[4 * i +: 4];
    if (WCKMUX != "WCK" || WREMUX != "WRE") $fatal(1, "TRELLIS_DPR16X4: WCKMUX %s, WREMUX %s", WCKMUX, WREMUX);
  end
  always @(posedge WCK) if (WRE) words[WAD] <= DI;
  assign DO = words[RAD];
endmodule

// 18 kbit in 2,048 pieces of 9 bits, of which words of 1, 2 or 4 bits use 8. Words of 18 bits are two pieces, each
// written if its bit of the two lowest of the address is set. Both ports have one clock.
module DP16KD(
  input DIA17, DIA16, DIA15, DIA14, DIA13, DIA12, DIA11, DIA10, DIA9, DIA8, DIA7, DIA6, DIA5, DIA4, DIA3, DIA2,
    DIA1, DIA0,
  input ADA13, ADA12, ADA11, ADA10, ADA9, ADA8, ADA7, ADA6, ADA5, ADA4, ADA3, ADA2, ADA1, ADA0,
  input CLKA, CEA, OCEA, WEA, RSTA, CSA2, CSA1, CSA0,
  output DOA17, DOA16, DOA15, DOA14, DOA13, DOA12, DOA11, DOA10, DOA9, DOA8, DOA7, DOA6, DOA5, DOA4, DOA3, DOA2,
    DOA1, DOA0,
  input DIB17, DIB16, DIB15, DIB14, DIB13, DIB12, DIB11, DIB10, DIB9, DIB8, DIB7, DIB6, DIB5, DIB4, DIB3, DIB2,
    DIB1, DIB0,
  input ADB13, ADB12, ADB11, ADB10, ADB9, ADB8, ADB7, ADB6, ADB5, ADB4, ADB3, ADB2, ADB1, ADB0,
  input CLKB, CEB, OCEB, WEB, RSTB, CSB2, CSB1, CSB0,
  output DOB17, DOB16, DOB15, DOB14, DOB13, DOB12, DOB11, DOB10, DOB9, DOB8, DOB7, DOB6, DOB5, DOB4, DOB3, DOB2,
    DOB1, DOB0
);
  parameter DATA_WIDTH_A = 18, DATA_WIDTH_B = 18, REGMODE_A = "NOREG", REGMODE_B = "NOREG", RESETMODE = "SYNC";
  parameter ASYNC_RESET_RELEASE = "SYNC", CSDECODE_A = "0b000", CSDECODE_B = "0b000", WRITEMODE_A = "NORMAL";
  parameter WRITEMODE_B = "NORMAL", CLKAMUX = "CLKA", CLKBMUX = "CLKB", GSR = "ENABLED", WID = 0, INIT_DATA = "STATIC";
  parameter INITVAL_00 = 320'b0, INITVAL_01 = 320'b0, INITVAL_02 = 320'b0, INITVAL_03 = 320'b0;
  parameter INITVAL_04 = 320'b0, INITVAL_05 = 320'b0, INITVAL_06 = 320'b0, INITVAL_07 = 320'b0;
  parameter INITVAL_08 = 320'b0, INITVAL_09 = 320'b0, INITVAL_0A = 320'b0, INITVAL_0B = 320'b0;
  parameter INITVAL_0C = 320'b0, INITVAL_0D = 320'b0, INITVAL_0E = 320'b0, INITVAL_0F = 320'b0;
  parameter INITVAL_10 = 320'b0, INITVAL_11 = 320'b0, INITVAL_12 = 320'b0, INITVAL_13 = 320'b0;
  parameter INITVAL_14 = 320'b0, INITVAL_15 = 320'b0, INITVAL_16 = 320'b0, INITVAL_17 = 320'b0;
  parameter INITVAL_18 = 320'b0, INITVAL_19 = 320'b0, INITVAL_1A = 320'b0, INITVAL_1B = 320'b0;
  parameter INITVAL_1C = 320'b0, INITVAL_1D = 320'b0, INITVAL_1E = 320'b0, INITVAL_1F = 320'b0;
  parameter INITVAL_20 = 320'b0, INITVAL_21 = 320'b0, INITVAL_22 = 320'b0, INITVAL_23 = 320'b0;
  parameter INITVAL_24 = 320'b0, INITVAL_25 = 320'b0, INITVAL_26 = 320'b0, INITVAL_27 = 320'b0;
  parameter INITVAL_28 = 320'b0, INITVAL_29 = 320'b0, INITVAL_2A = 320'b0, INITVAL_2B = 320'b0;
  parameter INITVAL_2C = 320'b0, INITVAL_2D = 320'b0, INITVAL_2E = 320'b0, INITVAL_2F = 320'b0;
  parameter INITVAL_30 = 320'b0, INITVAL_31 = 320'b0, INITVAL_32 = 320'b0, INITVAL_33 = 320'b0;
  parameter INITVAL_34 = 320'b0, INITVAL_35 = 320'b0, INITVAL_36 = 320'b0, INITVAL_37 = 320'b0;
  parameter INITVAL_38 = 320'b0, INITVAL_39 = 320'b0, INITVAL_3A = 320'b0, INITVAL_3B = 320'b0;
  parameter INITVAL_3C = 320'b0, INITVAL_3D = 320'b0, INITVAL_3E = 320'b0, INITVAL_3F = 320'b0;
  localparam [64 * 320 - 1:0] INIT = {
    INITVAL_3F, INITVAL_3E, INITVAL_3D, INITVAL_3C, INITVAL_3B, INITVAL_3A, INITVAL_39, INITVAL_38,
    INITVAL_37, INITVAL_36, INITVAL_35, INITVAL_34, INITVAL_33, INITVAL_32, INITVAL_31, INITVAL_30,
    INITVAL_2F, INITVAL_2E, INITVAL_2D, INITVAL_2C, INITVAL_2B, INITVAL_2A, INITVAL_29, INITVAL_28,
    INITVAL_27, INITVAL_26, INITVAL_25, INITVAL_24, INITVAL_23, INITVAL_22, INITVAL_21, INITVAL_20,
    INITVAL_1F, INITVAL_1E, INITVAL_1D, INITVAL_1C, INITVAL_1B, INITVAL_1A, INITVAL_19, INITVAL_18,
    INITVAL_17, INITVAL_16, INITVAL_15, INITVAL_14, INITVAL_13, INITVAL_12, INITVAL_11, INITVAL_10,
    INITVAL_0F, INITVAL_0E, INITVAL_0D, INITVAL_0C, INITVAL_0B, INITVAL_0A, INITVAL_09, INITVAL_08,
    INITVAL_07, INITVAL_06, INITVAL_05, INITVAL_04, INITVAL_03, INITVAL_02, INITVAL_01, INITVAL_00};
  wire [17:0] di_a = {DIA17, DIA16, DIA15, DIA14, DIA13, DIA12, DIA11, DIA10, DIA9, DIA8, DIA7, DIA6, DIA5, DIA4,
    DIA3, DIA2, DIA1, DIA0};
  wire [13:0] ad_a = {ADA13, ADA12, ADA11, ADA10, ADA9, ADA8, ADA7, ADA6, ADA5, ADA4, ADA3, ADA2, ADA1, ADA0};
  assign {DOA17, DOA16, DOA15, DOA14, DOA13, DOA12, DOA11, DOA10, DOA9, DOA8, DOA7, DOA6, DOA5, DOA4, DOA3, DOA2,
    DOA1, DOA0} = do_a;
  wire [17:0] di_b = {DIB17, DIB16, DIB15, DIB14, DIB13, DIB12, DIB11, DIB10, DIB9, DIB8, DIB7, DIB6, DIB5, DIB4,
    DIB3, DIB2, DIB1, DIB0};
  wire [13:0] ad_b = {ADB13, ADB12, ADB11, ADB10, ADB9, ADB8, ADB7, ADB6, ADB5, ADB4, ADB3, ADB2, ADB1, ADB0};
  assign {DOB17, DOB16, DOB15, DOB14, DOB13, DOB12, DOB11, DOB10, DOB9, DOB8, DOB7, DOB6, DOB5, DOB4, DOB3, DOB2,
    DOB1, DOB0} = do_b;

  reg [8:0] pieces[0:2047];
  reg [17:0] do_a, do_b;
  initial begin
    for (integer i = 0; i < 2048; i = i + 1) pieces[i] = INIT[20 * (i / 2) + 9 * (i % 2) +: 9];
    if (REGMODE_A != "NOREG" || REGMODE_B != "NOREG" || CSDECODE_A != "0b000" || CSDECODE_B != "0b000"
        || CLKAMUX != "CLKA" || CLKBMUX != "CLKB") $fatal(1, "DP16KD: a mode that is not modelled");
  end

  function automatic [17:0] read(input integer width, input [13:0] address);
    case (width)
      18: read = {pieces[{address[13:4], 1'b1}], pieces[{address[13:4], 1'b0}]};
      9: read = {9'b0, pieces[address[13:3]]};
      4: read = {14'b0, pieces[address[13:3]][{address[2], 2'b0} +: 4]};
      2: read = {16'b0, pieces[address[13:3]][{address[2:1], 1'b0} +: 2]};
      default: read = {17'b0, pieces[address[13:3]][address[2:0] +: 1]};
    endcase
  endfunction

  task automatic write(input integer width, input [13:0] address, input [17:0] data);
    case (width)
      18: begin
        if (address[0]) pieces[{address[13:4], 1'b0}] <= data[8:0];
        if (address[1]) pieces[{address[13:4], 1'b1}] <= data[17:9];
      end
      9: pieces[address[13:3]] <= data[8:0];
      4: pieces[address[13:3]][{address[2], 2'b0} +: 4] <= data[3:0];
      2: pieces[address[13:3]][{address[2:1], 1'b0} +: 2] <= data[1:0];
      default: pieces[address[13:3]][address[2:0] +: 1] <= data[0];
    endcase
  endtask

  wire clock = CLKA | CLKB;  // what is not used is 0
  wire on_a = CEA & ~CSA2 & ~CSA1 & ~CSA0, on_b = CEB & ~CSB2 & ~CSB1 & ~CSB0;
  always @(posedge clock) begin
    if (RSTA) do_a <= 0;
    else if (on_a & (~WEA | WRITEMODE_A == "READBEFOREWRITE")) do_a <= read(DATA_WIDTH_A, ad_a);
    else if (on_a & WRITEMODE_A == "WRITETHROUGH") do_a <= di_a;
    if (RSTB) do_b <= 0;
    else if (on_b & (~WEB | WRITEMODE_B == "READBEFOREWRITE")) do_b <= read(DATA_WIDTH_B, ad_b);
    else if (on_b & WRITEMODE_B == "WRITETHROUGH") do_b <= di_b;
    if (on_a & WEA) write(DATA_WIDTH_A, ad_a, di_a);
    if (on_b & WEB) write(DATA_WIDTH_B, ad_b, di_b);
  end
endmodule

// Products without registers.
module MULT18X18D(
  input A17, A16, A15, A14, A13, A12, A11, A10, A9, A8, A7, A6, A5, A4, A3, A2, A1, A0,
  input B17, B16, B15, B14, B13, B12, B11, B10, B9, B8, B7, B6, B5, B4, B3, B2, B1, B0,
  input C17, C16, C15, C14, C13, C12, C11, C10, C9, C8, C7, C6, C5, C4, C3, C2, C1, C0,
  input SIGNEDA, SIGNEDB, SOURCEA, SOURCEB,
  output P35, P34, P33, P32, P31, P30, P29, P28, P27, P26, P25, P24, P23, P22, P21, P20, P19, P18, P17, P16,
    P15, P14, P13, P12, P11, P10, P9, P8, P7, P6, P5, P4, P3, P2, P1, P0
);
  wire signed [18:0] a = {SIGNEDA & A17, A17, A16, A15, A14, A13, A12, A11, A10, A9, A8, A7, A6, A5, A4, A3, A2, A1,
    A0};
  wire signed [18:0] b = {SIGNEDB & B17, B17, B16, B15, B14, B13, B12, B11, B10, B9, B8, B7, B6, B5, B4, B3, B2, B1,
    B0};
  assign {P35, P34, P33, P32, P31, P30, P29, P28, P27, P26, P25, P24, P23, P22, P21, P20, P19, P18, P17, P16, P15,
    P14, P13, P12, P11, P10, P9, P8, P7, P6, P5, P4, P3, P2, P1, P0} = 36'(a * b);
endmodule
