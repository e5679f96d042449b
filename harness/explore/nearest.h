/*
 * With less of a state, more is lost: what a loss rests on is seen from the other side, in the state of the same moment
 * that has everything but one thing.
 */
#ifndef LASTACK_EXPLORE_NEAREST_H
#define LASTACK_EXPLORE_NEAREST_H

#include "explore/examine.h"

/*
 * Puts in place of a state by which something is lost the one nearest to everything that there is at the moment `cut`
 * in which the same kinds are violated, with what is said of it in `reason`: everything itself first, then what lacks
 * some content, then what lacks names. At most 40 are looked at, for 20 s, and none once lastack is interrupted; where
 * none of them is, both stay.
 */
void la_nearest(struct la_examiner *examiner, uint32_t cut, enum la_ending ending, const char *kinds,
                struct la_state *state, char **reason);

#endif
