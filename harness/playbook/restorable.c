#include "playbook/restorable.h"

#include <stdio.h>
#include <string.h>

#include "playbook/incident.h"

enum { COPY_MS = 20000, UNREAD = 3 };

#define IN     LA_SCRATCH "/in"
#define MARK   "/lastack/user/began"
#define BEFORE "/lastack/user/before"

/*
 * Lays out what is in $1 (a path, or a glob: its newest) and says what of it a server can begin with, a line each: log,
 * aof or rdb, a blank, the path. Status 3: it cannot be read here. What is text and small is no backup.
 */
static const char lay_out[] =
    "set -e; rm -rf " LA_SCRATCH "; mkdir -p " IN "; cd " IN "; "
    "if [ -e \"$1\" ]; then f=$1; else f=$(ls -td -- $1 | head -n 1); fi; "
    "case $f in *.manifest) cp -rL \"${f%/*}/.\" . ;; *) if [ -d \"$f\" ]; then cp -rL \"$f/.\" .; else cp -L \"$f\" "
    "one; fi ;; esac; "
    "unpack() { case $(head -c 6 \"$1\" | od -An -tx1 | tr -d ' ') in "
    "1f8b*) by=gzip ;; fd377a585a00) by=xz ;; 28b52ffd*) by=zstd ;; 425a68*) by=bzip2 ;; *) return 0 ;; esac; "
    "command -v $by >/dev/null || exit 3; $by -dc <\"$1\" >two || exit 4; mv two \"$1\"; }; "
    "if [ -f one ]; then unpack one; "
    "if [ \"$(dd if=one bs=1 skip=257 count=5 status=none)\" = ustar ]; then tar -xf one || exit 4; rm -f one; "
    "for f in $(find . -type f -size +0 | tr ' ' '?' | head -n 64); do (unpack $f) || [ $? = 3 ] || rm -f $f; done; rm "
    "-f two; fi; fi; "
    "found=; for f in $(find . -type f -name '*.manifest' | tr ' ' '?' | head -n 4); do "
    "if head -c 5 $f | grep -q '^file '; then echo \"log $PWD/${f#./}\"; found=1; fi; done; "
    "for f in $(find . -type f ! -path '*/appendonlydir/*' -size +0 -printf '%s %p\\n' | sort -rn | cut -d' ' -f2- | "
    "tr ' ' '?' | head -n 16); do "
    "case $(head -c 5 $f | tr -d '\\0') in REDIS) echo \"rdb $PWD/${f#./}\"; found=1 ;; '*'[0-9]*) echo \"aof "
    "$PWD/${f#./}\"; found=1 ;; esac; done; "
    "[ -n \"$found\" ] || for f in $(find . -type f ! -path '*/appendonlydir/*' -size +0 | tr ' ' '?' | head -n 64); "
    "do "
    "{ ! LC_ALL=C grep -qP '[^\\t\\n\\r -~]' $f && [ \"$(stat -c %s $f)\" -le 16384 ]; } || exit 3; done";

/* What $1 names becomes what a server begins with. */
static const char as_log[] = "cd " LA_SCRATCH "; rm -rf appendonlydir appendonly.aof dump.rdb; mkdir appendonlydir; "
                             "cp -L \"${1%/*}\"/* appendonlydir/";
static const char as_aof[] = "cd " LA_SCRATCH "; rm -rf appendonlydir dump.rdb; cp -L \"$1\" appendonly.aof";
static const char as_rdb[] = "cd " LA_SCRATCH "; rm -rf appendonlydir appendonly.aof; cp -L \"$1\" dump.rdb";

static int load_line(const struct la_recoverable *recoverable, const char *line)
{
    static const char ending[] = ".manifest";
    char name[256] = "appendonly.aof";
    const char *path = line + strlen("log ");
    if (!strncmp(line, "rdb ", 4))
        return la_recoverable_do(recoverable, as_rdb, path) ? la_recoverable_load(recoverable, NULL) : -1;
    if (!strncmp(line, "aof ", 4))
        return la_recoverable_do(recoverable, as_aof, path) ? la_recoverable_load(recoverable, name) : -1;
    const char *last = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    if (!la_ends_with(last, ending))
        return -1;
    snprintf(name, sizeof name, "%.*s", (int)(strlen(last) - strlen(ending)), last);
    return la_recoverable_do(recoverable, as_log, path) ? la_recoverable_load(recoverable, name) : -1;
}

void la_restorable_newest(const struct la_recoverable *recoverable, const char *glob, struct la_restored *restored)
{
    struct la_world_done done;
    *restored = (struct la_restored){.keys = -1};
    la_world_do(recoverable->world, lay_out, glob, COPY_MS, &done);
    char *rest = done.output;
    for (char *line; restored->keys < LA_PLAYBOOK_KEYS && (line = strsep(&rest, "\n"));) {
        int keys = strlen(line) > 4 && done.status == 0 ? load_line(recoverable, line) : -1;
        restored->keys = keys > restored->keys ? keys : restored->keys;
    }
    if (done.status == UNREAD)
        snprintf(restored->unread, sizeof restored->unread, "%.200s", glob);
    la_recoverable_do(recoverable, "rm -rf " LA_SCRATCH, "");
}

/* What has changed since the mark, wherever it lies but for $1, the server's own. */
#define ANYWHERE                                                                                                       \
    "find / \\( -path /proc -o -path /sys -o -path /dev -o -path /run -o -path /tmp -o -path /usr -o -path /opt "      \
    "-o -path /etc -o -path /units -o -path /var/log -o -path /cut -o -path /lastack/user -o -path /lastack/bin "      \
    "-o -path \"$1\" \\) -prune -o -type f -size +0 -cnewer " MARK " -print | head -n 32"

void la_restorable_forget(const struct la_recoverable *recoverable, const char *own)
{
    la_recoverable_do(recoverable, ANYWHERE " | xargs -r -d '\\n' rm -f --", own);
}

int la_restorable_mark(const struct la_recoverable *recoverable, const char *folder)
{
    /* a change of the same tick as the mark would not be newer than it */
    static const char command[] = "find \"$1\" -type f -printf './%P\\n' >" BEFORE "; touch " MARK "; sleep 0.05";
    return la_recoverable_do(recoverable, command, folder) ? 0 : -1;
}

void la_restorable_since(const struct la_recoverable *recoverable, const char *own, const char *below,
                         struct la_restored *restored)
{
    /* of a copy it is known when its content was changed, or that it was not there */
    static const char there[] =
        "cd \"$1\"; { find . -type f -size +0 -newer " MARK "; find . -type f -size +0 | grep -vxFf " BEFORE
        "; } | sort -u | sed \"s|^\\.|$1|\" | head -n 32";
    struct la_world_done done;
    *restored = (struct la_restored){.keys = -1};
    la_world_do(recoverable->world, below ? there : ANYWHERE, below ? below : own, COPY_MS, &done);
    char *rest = done.output;
    for (char *path; restored->keys < LA_PLAYBOOK_KEYS && (path = strsep(&rest, "\n"));) {
        struct la_restored one;
        if (!*path)
            continue;
        la_restorable_newest(recoverable, path, &one);
        restored->keys = one.keys > restored->keys ? one.keys : restored->keys;
        if (*one.unread)
            snprintf(restored->unread, sizeof restored->unread, "%s", one.unread);
    }
}
