/* How much of what was acknowledged is gone, and how far back it reaches: what `lost`, `window` and --rpo judge by. */
#ifndef LASTACK_JUDGE_LOSS_H
#define LASTACK_JUDGE_LOSS_H

#include "judge/opinion.h"
#include "run/run.h"

/*
 * The window of loss in ms: the fault minus the ack of the earliest lost operation. 0 when nothing is lost. After
 * several faults it is not known which of them took an operation: the last one, or with `least` the first.
 */
double la_loss_window_ms(const struct la_run *run, bool least);

/* The window is at most `max_ms`. `what` names it in the reason, `bound` says what was asked for. */
struct la_opinion la_loss_within(const struct la_run *run, unsigned int max_ms, const char *what, const char *bound);

/* Nothing is lost that was acknowledged in the life of the server in which it was read: no crash can have taken it. */
struct la_opinion la_loss_without_fault(const struct la_run *run);

/* Met when something was read back; not met when that is the server's fault. */
struct la_opinion la_loss_read(const struct la_run *run);

#endif
