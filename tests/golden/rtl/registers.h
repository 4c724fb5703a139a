#ifndef VITACCEL_REGISTERS_H
#define VITACCEL_REGISTERS_H

/* write-pulse, 2 bits: Starts and stops. */
#define VITACCEL_CONTROL_OFFSET 0x0000u
#define VITACCEL_CONTROL_START_SHIFT 0u
#define VITACCEL_CONTROL_START_MASK 0x00000001u
#define VITACCEL_CONTROL_STOP_SHIFT 1u
#define VITACCEL_CONTROL_STOP_MASK 0x00000002u

/* read-only, 9 bits: What the machine does. */
#define VITACCEL_STATUS_OFFSET 0x0004u
#define VITACCEL_STATUS_BUSY_SHIFT 0u /* It runs. */
#define VITACCEL_STATUS_BUSY_MASK 0x00000001u
#define VITACCEL_STATUS_STATE_SHIFT 4u /* 0 idle, 1 runs, 2 stopped | failed. */
#define VITACCEL_STATUS_STATE_MASK 0x00000070u

/* write-1-to-clear, 4 bits */
#define VITACCEL_INTERRUPTS_OFFSET 0x0008u
#define VITACCEL_INTERRUPTS_RESET 0x00000008u

/* read-write, 32 bits: Where the program is. */
#define VITACCEL_PROGRAM_OFFSET 0x0104u
#define VITACCEL_PROGRAM_RESET 0x80000000u

#endif
