#include "base/install.h"

#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/version.h"

/* The build tree has harness/lastack in it; the sources' place is compiled in. */
static bool in_build_tree(struct la_parts *parts)
{
    char self[LA_PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    if (length <= 0)
        return false;
    self[length] = '\0';
    const char *bin = dirname(self);
    la_path(parts->shim, "%s/../faultinject/libfaultinject.so", bin);
    la_path(parts->forkserver, "%s/../faultinject/libforkserver.so", bin);
    la_path(parts->scenarios, "%s/scenarios", LASTACK_SOURCE_DIR);
    la_path(parts->fixtures, "%s/fixtures", LASTACK_SOURCE_DIR);
    la_path(parts->playbooks, "%s/docs/playbooks", LASTACK_SOURCE_DIR);
    la_path(parts->reporting, "%s/reporting", LASTACK_SOURCE_DIR);
    la_path(parts->campaigns, "%s/campaigns", LASTACK_SOURCE_DIR);
    return access(parts->shim, R_OK) == 0 && access(parts->scenarios, R_OK) == 0;
}

/* bin/lastack, lib/lastack/, share/lastack/: found from the binary, so that an installation can be moved. */
static bool installed(struct la_parts *parts)
{
    char self[LA_PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    if (length <= 0)
        return false;
    self[length] = '\0';
    const char *bin = dirname(self);
    la_path(parts->shim, "%s/../%s/lastack/libfaultinject.so", bin, LASTACK_LIBDIR);
    la_path(parts->forkserver, "%s/../%s/lastack/libforkserver.so", bin, LASTACK_LIBDIR);
    la_path(parts->scenarios, "%s/../%s/lastack/scenarios", bin, LASTACK_DATADIR);
    la_path(parts->fixtures, "%s/../%s/lastack/fixtures", bin, LASTACK_DATADIR);
    la_path(parts->playbooks, "%s/../%s/lastack/playbooks", bin, LASTACK_DATADIR);
    la_path(parts->reporting, "%s/../%s/lastack/reporting", bin, LASTACK_DATADIR);
    la_path(parts->campaigns, "%s/../%s/lastack/campaigns", bin, LASTACK_DATADIR);
    return access(parts->shim, R_OK) == 0 && access(parts->scenarios, R_OK) == 0;
}

static int canonical(char path[LA_PATH_MAX], struct la_error *error)
{
    char *real = realpath(path, NULL);
    if (!real)
        return la_fail(error, "%s: %s", path, strerror(errno));
    la_path(path, "%s", real);
    free(real);
    return 0;
}

int la_parts_find(struct la_parts *parts, struct la_error *error)
{
    if (!in_build_tree(parts) && !installed(parts))
        return la_fail(error, "libfaultinject.so and the scenarios are neither beside the build tree nor installed");
    return canonical(parts->shim, error) || canonical(parts->forkserver, error) || canonical(parts->scenarios, error) ||
                   canonical(parts->fixtures, error) || canonical(parts->playbooks, error) ||
                   canonical(parts->reporting, error) || canonical(parts->campaigns, error)
               ? -1
               : 0;
}

static int check_program(const char *path, char out[LA_PATH_MAX], struct la_error *error)
{
    struct stat st;
    la_path(out, "%s", path);
    if (canonical(out, error))
        return -1;
    if (stat(out, &st) || !S_ISREG(st.st_mode))
        return la_fail(error, "%s: not a program", path);
    la_path(out, "%s", path);
    if (access(path, X_OK))
        return la_fail(error, "%s: not executable; try chmod +x", path);
    if (path[0] != '/') { /* not resolved further: a program may look at its own name */
        char *here = getcwd(NULL, 0);
        la_path(out, "%s/%s", here ? here : ".", path);
        free(here);
    }
    return 0;
}

int la_parts_program(const char *name, char out[LA_PATH_MAX], struct la_error *error)
{
    if (strchr(name, '/'))
        return check_program(name, out, error);
    char *path = la_strdup(getenv("PATH") ? getenv("PATH") : "/usr/bin:/bin");
    char *rest = path;
    for (char *dir; (dir = strsep(&rest, ":"));) {
        la_path(out, "%s/%s", *dir ? dir : ".", name);
        if (access(out, X_OK) == 0) {
            free(path);
            char found[LA_PATH_MAX];
            la_path(found, "%s", out);
            return check_program(found, out, error);
        }
    }
    free(path);
    return la_fail(error, "%s: not found in PATH; install redis-server or name one with --server", name);
}
