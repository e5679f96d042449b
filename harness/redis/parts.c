#include "redis/parts.h"

#include <string.h>

#include "base/util.h"

const struct la_layout la_layout_standard = {true, "appendonlydir", "appendonly.aof", "dump.rdb"};
const char la_part_names[] = "aof, aof-base, manifest, rdb, rdb-temp, rewrite-temp";

char *la_part_glob(const struct la_layout *layout, const char *part)
{
    if (!strcmp(part, "rdb"))
        return la_strdup(layout->rdb_file);
    if (!strcmp(part, "rdb-temp"))
        return la_strdup("temp-*.rdb");
    if (!strcmp(part, "rewrite-temp"))
        return la_strdup("temp-rewriteaof-*.aof");
    if (!layout->folder && (!strcmp(part, "aof") || !strcmp(part, "aof-base")))
        return la_strdup(layout->aof_file);
    const char *ending = !strcmp(part, "aof")        ? "*.incr.aof"
                         : !strcmp(part, "aof-base") ? "*.base.*"
                         : !strcmp(part, "manifest") ? ".manifest"
                                                     : NULL;
    return layout->folder && ending ? la_format("%s/%s%s", layout->aof_dir, layout->aof_file, ending) : NULL;
}
