#include "suite/select.h"

#include <dirent.h>
#include <errno.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "judge/expectations.h"
#include "scenario/read.h"

/* The folders that come with lastack, and whether `certify` and `run scenarios/` take them, or they want to be named.
 */
static const struct folder {
    const char *name;
    bool certified;
} folders[] = {
    {"strategies", true}, {"faults", true},    {"replication", true}, {"claims", true},
    {"worst", true},      {"failover", false}, {"backups", false},    {"incidents", false},
    {"playbooks", false}, {"history", false},  {"cuts", false},       {"tours", false},
};

static const struct folder *folder_of(const char *name)
{
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        if (!strcmp(folders[i].name, name))
            return &folders[i];
    return NULL;
}

static bool is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Those that come with lastack: this one's, or another's, in a checkout say. */
static bool is_own(const char *name, const char *own)
{
    char strategies[LA_PATH_MAX];
    char faults[LA_PATH_MAX];
    la_path(strategies, "%s/strategies", name);
    la_path(faults, "%s/faults", name);
    return la_same_file(name, own) || (is_folder(strategies) && is_folder(faults));
}

static int select_certified(struct la_scenarios *list, const char *own, struct la_error *error)
{
    struct dirent **entries = NULL;
    int count = scandir(own, &entries, la_is_visible, alphasort);
    int result = count < 0 ? la_fail(error, "%s: %m", own) : 0;
    for (int i = 0; i < count; i++) {
        char path[LA_PATH_MAX];
        const struct folder *folder = folder_of(entries[i]->d_name);
        la_path(path, "%s/%s", own, entries[i]->d_name);
        bool listed = is_folder(path);
        if (listed && !folder && !result)
            result = la_fail(error, "%s: no folder of lastack's own: keep yours elsewhere, and name it", path);
        if (listed && !result && folder && folder->certified)
            result = la_scenarios_read(list, path, &la_kinds, error);
        free(entries[i]);
    }
    free(entries);
    return result;
}

static bool is_called(const FTSENT *entry, const char *name)
{
    size_t length = strlen(name);
    const char *ending = entry->fts_name + length;
    return entry->fts_info == FTS_F && !strncmp(entry->fts_name, name, length) &&
           (!strcmp(ending, ".yaml") || !strcmp(ending, ".yml"));
}

/* The file of the scenario of that name, somewhere below `root`. */
static bool find_named(const char *root, const char *name, char path[LA_PATH_MAX])
{
    char *const roots[] = {(char *)root, NULL};
    FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    bool found = false;
    for (FTSENT *entry; tree && !found && (entry = fts_read(tree));) {
        found = is_called(entry, name);
        if (found)
            la_path(path, "%s", entry->fts_path);
    }
    if (tree)
        fts_close(tree);
    return found;
}

/* scenarios/NAME.yaml, as it was called before there were folders: in reports, playbooks, CI. For one release. */
static bool find_moved(const char *old, char path[LA_PATH_MAX])
{
    static const char parent[] = "scenarios";
    char root[LA_PATH_MAX];
    char name[LA_PATH_MAX];
    const char *slash = strrchr(old, '/');
    const char *dot = strrchr(old, '.');
    if (!slash || !dot || dot < slash)
        return false;
    la_path(root, "%.*s", (int)(slash - old), old);
    la_path(name, "%.*s", (int)(dot - slash - 1), slash + 1);
    const char *last = strrchr(root, '/') ? strrchr(root, '/') + 1 : root;
    if (strcmp(last, parent) != 0 || !find_named(root, name, path))
        return false;
    fprintf(stderr, "lastack: %s is %s now: name it so, or '%s' alone; the old path works until the next release\n",
            old, path, name);
    return true;
}

int la_select(struct la_scenarios *list, const char *name, const char *own, struct la_error *error)
{
    char path[LA_PATH_MAX];
    if (is_own(name, own))
        return select_certified(list, name, error);
    if (access(name, F_OK) == 0)
        return la_scenarios_read(list, name, &la_kinds, error);
    int why = errno;
    bool found = strchr(name, '/') ? find_moved(name, path) : find_named(own, name, path);
    if (found)
        return la_scenarios_read(list, path, &la_kinds, error);
    if (strchr(name, '/'))
        return la_fail(error, "%s: %s", name, strerror(why));
    return la_fail(error, "%s: No such file or scenario; 'lastack list' has the names", name);
}
