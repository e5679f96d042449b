/* What the back end of notify.h sees, and which rules need more than that. */
#ifndef FAULTINJECT_DRIVER_NOTIFY_FILTER_H
#define FAULTINJECT_DRIVER_NOTIFY_FILTER_H

#include "shared/control_block.h"

/* Why the back end cannot do what `rule` says; NULL: it can. A static text. */
const char *fi_notify_lacks(const struct fi_rule *rule);

/* Fills control->filter. 0, or -1 when libseccomp fails. */
int fi_notify_filter(struct fi_control *control);

#endif
