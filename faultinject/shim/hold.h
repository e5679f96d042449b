/*
 * What waits, and for what. A file is busy while a rule holds up its fsync: whoever writes to it waits, as behind a
 * real fsync that takes its time.
 */
#ifndef FAULTINJECT_SHIM_HOLD_H
#define FAULTINJECT_SHIM_HOLD_H

#include <stdint.h>

#define FI_NS_PER_MS 1000000

/* By the machine's clock, whatever the server is told; signals do not shorten it. */
void fi_sleep_ns(uint64_t ns);

/* Makes the file of `fd` busy. Returns what fi_busy_end wants, -1 when there is no room: nobody waits for it then. */
int fi_busy_begin(int fd);
void fi_busy_end(int slot);

/*
 * Around a call that changes the content of `fd`: waits while its file is busy, and lets fi_writers_wait wait for it.
 * Returns what fi_writer_end wants.
 */
uint32_t fi_writer_begin(int fd);
void fi_writer_end(uint32_t file);

/* Until nobody is writing to the file of `fd`, which is busy; at most a fifth of a second. Needs the journal. */
void fi_writers_wait(int fd);

#endif
