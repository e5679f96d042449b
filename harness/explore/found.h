/* What an exploration has found, as a result that is printed and written down like that of any run. */
#ifndef LASTACK_EXPLORE_FOUND_H
#define LASTACK_EXPLORE_FOUND_H

#include "explore/progress.h"

struct la_found {
    const struct la_basis *recorded;
    const struct la_states *states;
    const struct la_crew *crew; /* its processes have been stopped */
    const struct la_violations *violations;
    const struct la_progress *before;
    unsigned int endings;
    const char *dir; /* to work in */
    double seconds;
    bool cut_short; /* by the time, or a signal */
};

/* The result object; of each kind of finding an example is kept as a bundle below run->dir. */
json_t *la_found_result(const struct la_found *found, struct la_run *run);

#endif
