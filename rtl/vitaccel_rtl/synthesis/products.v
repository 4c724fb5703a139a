// Products of ECP5 in LUTs and carry chains, for designs that need more multipliers than a device has.
//
// A carry cell adds two products of bits, a & b and c & d: its LUT has four inputs. So rows of the product are added in
// pairs without a LUT more, then sums by twos. The highest bit of a signed B counts negative: A times it is subtracted,
// as ~A and a carry.

(* techmap_celltype = "$mul" *)
module vitaccel_product_map(A, B, Y);
  parameter A_SIGNED = 0;
  parameter B_SIGNED = 0;
  parameter A_WIDTH = 1;
  parameter B_WIDTH = 1;
  parameter Y_WIDTH = 1;
  input [A_WIDTH-1:0] A;
  input [B_WIDTH-1:0] B;
  output [Y_WIDTH-1:0] Y;

  generate
    if (A_WIDTH < B_WIDTH)
      \$mul #(.A_SIGNED(B_SIGNED), .B_SIGNED(A_SIGNED), .A_WIDTH(B_WIDTH), .B_WIDTH(A_WIDTH), .Y_WIDTH(Y_WIDTH))
        _TECHMAP_REPLACE_(.A(B), .B(A), .Y(Y));
    else begin
      localparam PAIRS = (B_WIDTH + 1) / 2;
      localparam WIDTH = A_WIDTH + 2 * PAIRS;
      wire [2*PAIRS-1:0] b = B_SIGNED ? {{2{B[B_WIDTH-1]}}, B} : B;
      wire [PAIRS*(A_WIDTH+2)-1:0] terms;
      genvar pair;
      for (pair = 0; pair < PAIRS; pair = pair + 1)
        vitaccel_product_pair #(.WIDTH(A_WIDTH), .SIGNED(A_SIGNED), .NEGATIVE(B_SIGNED && pair == PAIRS - 1)) rows(
          .a(A), .b(b[2*pair+:2]), .y(terms[pair*(A_WIDTH+2)+:A_WIDTH+2]));
      wire [WIDTH-1:0] y;
      vitaccel_product_tree #(.COUNT(PAIRS), .WIDTH(A_WIDTH + 2), .SIGNED(A_SIGNED)) tree(.terms(terms), .y(y));
      assign Y = {{Y_WIDTH{A_SIGNED ? y[WIDTH-1] : 1'b0}}, y};
    end
  endgenerate
endmodule

// a b[0] + 2 a b[1], or a b[0] - 2 a b[1].
module vitaccel_product_pair(a, b, y);
  parameter WIDTH = 1;
  parameter SIGNED = 0;
  parameter NEGATIVE = 0;
  input [WIDTH-1:0] a;
  input [1:0] b;
  output [WIDTH+1:0] y;

  wire [WIDTH+1:0] wide = SIGNED ? {{2{a[WIDTH-1]}}, a} : a;
  // Below the lowest bit stands what makes, with the carry that comes in, two of b[1]: what ~a is short of -a.
  vitaccel_carry_row #(.WIDTH(WIDTH + 2), .INVERTS(NEGATIVE)) row(
    .a(wide), .b({WIDTH+2{b[0]}}), .c({wide[WIDTH:0], 1'b0}), .d({{WIDTH+1{b[1]}}, NEGATIVE ? b[1] : 1'b0}),
    .carry(NEGATIVE ? b[1] : 1'b0), .y(y));
endmodule

// The sum of terms, each worth four times the one before it.
module vitaccel_product_tree(terms, y);
  parameter COUNT = 1;
  parameter WIDTH = 1;
  parameter SIGNED = 0;
  localparam LOW = (COUNT + 1) / 2;
  localparam LOW_WIDTH = WIDTH + 2 * (LOW - 1);
  localparam HIGH_WIDTH = WIDTH + 2 * (COUNT - LOW - 1);
  input [COUNT*WIDTH-1:0] terms;
  output [WIDTH+2*(COUNT-1)-1:0] y;

  generate
    if (COUNT == 1) assign y = terms;
    else begin
      wire [LOW_WIDTH-1:0] low;
      wire [HIGH_WIDTH-1:0] high;
      vitaccel_product_tree #(.COUNT(LOW), .WIDTH(WIDTH), .SIGNED(SIGNED)) below(.terms(terms[LOW*WIDTH-1:0]), .y(low));
      vitaccel_product_tree #(.COUNT(COUNT - LOW), .WIDTH(WIDTH), .SIGNED(SIGNED)) above(
        .terms(terms[COUNT*WIDTH-1:LOW*WIDTH]), .y(high));
      wire [HIGH_WIDTH-1:0] rest =
        SIGNED ? {{HIGH_WIDTH{low[LOW_WIDTH-1]}}, low[LOW_WIDTH-1:2*LOW]} : low[LOW_WIDTH-1:2*LOW];
      assign y[2*LOW-1:0] = low[2*LOW-1:0];
      vitaccel_carry_row #(.WIDTH(HIGH_WIDTH)) row(
        .a(rest), .b({HIGH_WIDTH{1'b1}}), .c(high), .d({HIGH_WIDTH{1'b1}}), .carry(1'b0), .y(y[2*LOW+:HIGH_WIDTH]));
    end
  endgenerate
endmodule

// (a & b) + (c & d) + carry, or with ~c.
module vitaccel_carry_row(a, b, c, d, carry, y);
  parameter WIDTH = 1;
  parameter INVERTS = 0;
  input [WIDTH-1:0] a, b, c, d;
  input carry;
  output [WIDTH-1:0] y;

  localparam CELLS = (WIDTH + 1) / 2;
  // Of inputs A, B, C, D: (A & B) ^ (C & D), and (A & B) ^ (~C & D). Where C and D are 0 it is A & B, as carries need.
  localparam [15:0] ADDS = INVERTS ? 16'h8788 : 16'h7888;
  wire [CELLS:0] carries;
  wire [2*CELLS-1:0] wide_a = a, wide_b = b, wide_c = c, wide_d = d, sum;
  generate
    if (INVERTS)
      CCU2C #(.INIT0(16'h0000), .INIT1(16'h000A), .INJECT1_0("NO"), .INJECT1_1("NO")) first(
        .CIN(1'b0), .A0(1'b0), .B0(1'b0), .C0(1'b0), .D0(1'b0), .A1(carry), .B1(1'b0), .C1(1'b1), .D1(1'b1),
        .COUT(carries[0]));
    else assign carries[0] = 1'b0;
    genvar place;
    for (place = 0; place < CELLS; place = place + 1)
      CCU2C #(.INIT0(ADDS), .INIT1(ADDS), .INJECT1_0("NO"), .INJECT1_1("NO")) both(
        .CIN(carries[place]), .COUT(carries[place+1]),
        .A0(wide_a[2*place]), .B0(wide_b[2*place]), .C0(wide_c[2*place]), .D0(wide_d[2*place]), .S0(sum[2*place]),
        .A1(wide_a[2*place+1]), .B1(wide_b[2*place+1]), .C1(wide_c[2*place+1]), .D1(wide_d[2*place+1]),
        .S1(sum[2*place+1]));
  endgenerate
  assign y = sum[WIDTH-1:0];
endmodule
