#include "redis/parts.h"

#include <stdlib.h>
#include <string.h>

#include "base/util.h"

const struct la_layout la_layout_standard = {true, "appendonlydir", "appendonly.aof", "dump.rdb"};
const char la_part_names[] = "aof, aof-all, aof-base, manifest, rdb, rdb-temp, rewrite-result, rewrite-temp";

/* A name as a glob that may stand in a rule: any character for one that means something there. */
static char *as_glob(char *name)
{
    for (char *at = name; *at; at++)
        if (strchr(" \t*?[]\\\"'", *at))
            *at = '?';
    return name;
}

char *la_part_glob(const struct la_layout *layout, const char *part)
{
    if (!strcmp(part, "rdb"))
        return as_glob(la_strdup(layout->rdb_file));
    if (!strcmp(part, "rdb-temp"))
        return la_strdup("temp-*.rdb");
    if (!strcmp(part, "rewrite-temp"))
        return la_strdup("temp-rewriteaof-*.aof");
    bool result = !strcmp(part, "rewrite-result");
    if (!layout->folder && (result || !strcmp(part, "aof") || !strcmp(part, "aof-all") || !strcmp(part, "aof-base")))
        return as_glob(la_strdup(layout->aof_file));
    const char *ending = !strcmp(part, "aof")                  ? "*.incr.aof"
                         : !strcmp(part, "aof-all")            ? "*"
                         : !strcmp(part, "aof-base")           ? "*.base.*"
                         : result || !strcmp(part, "manifest") ? ".manifest"
                                                               : NULL;
    if (!layout->folder || !ending)
        return NULL;
    char *stem = as_glob(la_format("%s/%s", layout->aof_dir, layout->aof_file));
    char *glob = la_format("%s%s", stem, ending);
    free(stem);
    return glob;
}
