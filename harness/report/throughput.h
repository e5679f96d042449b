/* How long it took until as much was acknowledged as before the fault. */
#ifndef LASTACK_REPORT_THROUGHPUT_H
#define LASTACK_REPORT_THROUGHPUT_H

#include "ledger/ledger.h"

/* Acknowledged operations a second; of the second before the fault, and how the load came back. */
struct la_throughput {
    double before;    /* operations a second in the LA_BEFORE_MS before the fault, or since the server's own first
                         reply; 0: too short a time to tell */
    uint64_t back_ns; /* end of the first LA_WINDOW_MS with 90 % of it; 0: not seen before the load ended */
};

enum { LA_BEFORE_MS = 1000, LA_WINDOW_MS = 100, LA_BACK_PERCENT = 90 };

/* Goes through the ledger a few times. */
struct la_throughput la_throughput_after(const struct la_ledger *ledger, uint64_t fault_ns);

#endif
