/* The step descriptors: how many files and folders a server has open on the disk of its data. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "run/steps.h"
#include "run/wait.h"

enum { LOOK_MS = 500, CLOSED_MS = 5000 };

struct descriptors {
    char *node;
    char *name;        /* of the figure; NULL: nobody asks */
    unsigned int *max; /* more, all the time, are a finding; NULL: it is measured only */
};

/*
 * On the disk that has the data, so that what was removed, or renamed since, counts as well. -1: the kernel does not
 * say.
 */
static int count_open(const struct la_node *node)
{
    char path[64];
    struct stat data;
    snprintf(path, sizeof path, "/proc/%d/fd", (int)node->server_pid);
    DIR *folder = stat(node->data, &data) ? NULL : opendir(path);
    int count = folder ? 0 : -1;
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        struct stat st;
        bool there = *entry->d_name != '.' && fstatat(dirfd(folder), entry->d_name, &st, 0) == 0;
        count += there && st.st_dev == data.st_dev && (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode));
    }
    if (folder)
        closedir(folder);
    return count;
}

/* The fewest that are seen: what is closed may be closed by another thread, a little later. -1: they cannot be seen. */
static int fewest(struct la_run *run, const struct la_node *node, const struct descriptors *step)
{
    struct la_deadline deadline = la_wait_until(step->max ? CLOSED_MS : LOOK_MS);
    int least = -1;
    do {
        int now = node->pid ? count_open(node) : -1;
        if (now < 0)
            return -1;
        least = least < 0 || now < least ? now : least;
    } while (!(step->max && least <= (int)*step->max) && la_wait_turn(run, &deadline));
    return least;
}

static int run_descriptors(struct la_run *run, const struct la_spec *spec)
{
    const struct descriptors *step = (const struct descriptors *)spec;
    const struct la_node *node = la_run_node(run, step->node);
    la_run_pump(run);
    int count = fewest(run, node, step);
    if (count < 0 && !node->pid)
        return la_wait_ended_unasked(run, node, "its descriptors were counted");
    if (count < 0)
        return la_run_doubt(run, "the descriptors of %s cannot be counted", node->spec->name);
    la_run_event(run, node->spec->name, "has %d files and folders of its disk open", count);
    if (step->name)
        la_measures_add(&run->measures, step->name, "descriptors", (struct la_sample){.value = count});
    if (step->max && count > (int)*step->max)
        la_run_broken(run, true, "%s has %d files and folders of its disk open, at most %u expected", node->spec->name,
                      count, *step->max);
    return 0;
}

static int check_descriptors(const struct la_check *check, const struct la_spec *spec, unsigned int index)
{
    const struct descriptors *step = (const struct descriptors *)spec;
    (void)index;
    return step->name || step->max ? 0 : la_check_wrong(check, "'descriptors' needs name or max");
}

static bool measures(const struct la_spec *spec, const char *name)
{
    const char *own = ((const struct descriptors *)spec)->name;
    return own && !strcmp(own, name);
}

static const cyaml_schema_field_t descriptors_fields[] = {LA_TEXT("node", LA_OPTIONAL, struct descriptors, node),
                                                          LA_TEXT("name", LA_OPTIONAL, struct descriptors, name),
                                                          LA_BOUND("max", struct descriptors, max), LA_END};

const struct la_step_kind la_step_descriptors = {
    .form = {"descriptors", descriptors_fields, sizeof(struct descriptors)},
    .check = check_descriptors,
    .run = run_descriptors,
    .measures = measures,
    .asks = true,
};
