/*
 * The power of a node: how it can be cut, and what comes back. Real: the data directory
 * lies on a disk of its own (loop_disk.h). Simulated: the library keeps a journal, from which
 * one state that a file system allows is made (state.h).
 *
 * The way of a cut: the group is frozen, the moment is stamped, the cut is made, all
 * processes are killed; once none is left, la_power_restore brings the directory back.
 * A rule with do=power-cut does the first part from inside, at an exact operation.
 */
#ifndef LASTACK_CRASH_POWER_H
#define LASTACK_CRASH_POWER_H

#include "crash/loop_disk.h"
#include "crash/state.h"
#include "driver/control.h"

enum la_power_method { LA_POWER_AUTO, LA_POWER_SIMULATED, LA_POWER_REAL };

/* How a scenario wants the power to be cut. */
struct la_power_spec {
    enum la_power_method method;
    enum la_fs filesystem; /* that can be cut by this method: see filesystem.h */
    enum la_policy policy; /* simulated */
};

/* What can be done on this machine, found out once, by doing it. */
struct la_means {
    bool known[LA_FS_COUNT];
    char no_disk[LA_FS_COUNT][160]; /* why there is no disk of this kind whose power can be cut; empty: there is */
    uint64_t disk_bytes;            /* that such a disk is to have room for, beside what the load writes */
};

struct la_power {
    const struct la_power_spec *spec; /* NULL: the power of this node cannot be cut */
    enum la_power_method method;      /* never LA_POWER_AUTO */
    struct la_disk disk;              /* real */
    struct fi_journal *journal;       /* simulated */
    char dir[LA_PATH_MAX];            /* of the node */
    char side[LA_PATH_MAX];           /* simulated: where the journal lies */
    bool out;                         /* cut, and not restored yet */
    unsigned int cuts;
    uint32_t classes; /* bits of enum la_crash_class: what simulated cuts have done */
};

/* Tries in `dir`, which is left as it was, what such a cut needs, once. `forbidden`, if not NULL, says why not to. */
void la_power_find_means(struct la_means *means, const struct la_power_spec *spec, const char *forbidden,
                         const char *dir);

/* Why the power cannot be cut for real here, or NULL. */
const char *la_power_missing(const struct la_power_spec *spec, const struct la_means *means);

/*
 * Prepares node folder `dir` before the server's data is put in place; `data` gets the path of the data
 * directory, which is made. `spec` may be NULL. Released with la_power_free.
 */
int la_power_prepare(struct la_power *power, const struct la_power_spec *spec, const struct la_means *means,
                     const char *dir, char data[LA_PATH_MAX], struct la_error *error);

/* Once the data is in place, and before the control block is made: begins the journal. */
int la_power_begin(struct la_power *power, const char *data, struct la_error *error);

/* Tells the library how rules are to cut the power. */
void la_power_announce(const struct la_power *power, struct fi_control *control);

/* Cuts the power under a frozen group; `control->cut_ns` is stamped if no rule has done it. */
int la_power_cut(struct la_power *power, struct fi_control *control, struct la_error *error);

/* True when a rule has cut the power and left the cut itself to us: the group is waiting, stopped. */
bool la_power_wanted(const struct la_power *power, const struct fi_control *control);

/* After the last process has ended: brings the directory back as the cut left it, and gets ready for the next cut. */
int la_power_restore(struct la_power *power, struct fi_control *control, const char *data, uint64_t seed,
                     struct la_error *error);

/* Leaves the data in `dir`/data, where it would be without a disk of its own. */
void la_power_free(struct la_power *power);

/* "simulated, ext4, subset" */
void la_power_words(const struct la_power *power, char *out, size_t size);

#endif
