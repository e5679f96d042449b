#include "shared/actions.h"

#define ALL_BUT_CLOCK (FI_BIT(FI_OP_COUNT) - 1 - FI_BIT(FI_OP_CLOCK))
#define CAN_LIE       ((FI_OPS_FILE & ~FI_BIT(FI_OP_OPEN)) | FI_BIT(FI_OP_SEND))
#define CAN_BE_SHORT  (FI_OPS_WITH_OFFSET | FI_BIT(FI_OP_SEND) | FI_BIT(FI_OP_RECV))

#define ANYTHING .ops = ALL_BUT_CLOCK, .only = "everything but clock"

const struct fi_action_row fi_actions[FI_DO_COUNT] = {
    [FI_DO_ERROR] = {"error", FI_ARG_ERRNO, .harms = true, .outside = true, ANYTHING},
    [FI_DO_REVERT] = {"revert", FI_ARG_ERRNO, .harms = true, .ops = FI_OPS_SYNC, .only = "fsync and fdatasync"},
    [FI_DO_SHORT] = {"short", FI_ARG_BYTES, .harms = true, .ops = CAN_BE_SHORT, .only = "write, read, send and recv"},
    [FI_DO_TORN] = {"torn", FI_ARG_BYTES, .harms = true, .ends = true, .ends_all = true, .ops = FI_BIT(FI_OP_WRITE),
                    .only = "op=write"},
    [FI_DO_KILL] = {"kill", FI_ARG_GROUP, .optional = true, .afterwards = true, .outside = true, .ends = true,
                    ANYTHING},
    [FI_DO_KILL_GROUP] = {"kill", FI_ARG_GROUP, .afterwards = true, .outside = true, .ends = true, .ends_all = true,
                          ANYTHING},
    [FI_DO_POWER_CUT] = {"power-cut", .afterwards = true, .outside = true, .ends = true, .ends_all = true, ANYTHING},
    [FI_DO_DELAY] = {"delay", FI_ARG_MS, .afterwards = true, .outside = true, ANYTHING},
    [FI_DO_HANG] = {"hang", .afterwards = true, .outside = true, ANYTHING},
    [FI_DO_LIE] = {"lie", .harms = true, .outside = true, .ops = CAN_LIE,
                   .only = "operations on files but open and read, and for send"},
    [FI_DO_FLIP] = {"flip", FI_ARG_BIT, .harms = true, .optional = true, .ops = FI_OPS_WITH_OFFSET,
                    .only = "read and write"},
    [FI_DO_FILE_LIMIT] = {"file-limit", FI_ARG_BYTES, .harms = true, .outside = true, .ops = FI_BIT(FI_OP_WRITE),
                          .only = "op=write"},
    [FI_DO_DISK_FULL] = {"disk-full", FI_ARG_ROOM, .harms = true, .ops = FI_OPS_SPACE, .only = "write and any-write"},
    [FI_DO_SIGNAL] = {"signal", FI_ARG_SIGNAL, .afterwards = true, .outside = true, ANYTHING},
    [FI_DO_NOTE] = {"note", .outside = true, ANYTHING},
    [FI_DO_CLOCK] = {"clock", FI_ARG_CLOCK, .ops = FI_BIT(FI_OP_CLOCK), .only = "op=clock"},
};
