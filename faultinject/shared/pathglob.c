#include "shared/pathglob.h"

#include <stddef.h>

/* Where matching resumes when the characters after a star did not fit. */
struct retry {
    const char *glob; /* just behind the star; NULL: no such star yet */
    const char *path;
};

static bool rewind_to(struct retry *retry, bool crosses, const char **glob, const char **path)
{
    if (!retry->glob || !*retry->path || (!crosses && *retry->path == '/'))
        return false;
    *glob = retry->glob;
    *path = ++retry->path;
    return true;
}

bool fi_glob_match(const char *glob, const char *path)
{
    struct retry one = {NULL, NULL};
    struct retry deep = {NULL, NULL};
    while (*path || *glob) {
        if (*glob == '*') {
            bool crosses = glob[1] == '*';
            glob += crosses ? 2 : 1;
            struct retry here = {glob, path};
            if (crosses)
                deep = here;
            one = crosses ? (struct retry){NULL, NULL} : here;
        } else if (*path && (*glob == *path || (*glob == '?' && *path != '/'))) {
            glob++;
            path++;
        } else if (rewind_to(&one, false, &glob, &path)) {
            continue;
        } else if (rewind_to(&deep, true, &glob, &path)) {
            one.glob = NULL;
        } else {
            return false;
        }
    }
    return true;
}
