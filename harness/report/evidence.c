#include "report/evidence.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/output.h"
#include "base/thin.h"

enum { SUMS_MAX = 64 << 20, PIECE = 1 << 16 };

#define SUMS "sums"

int la_evidence_sum(const char *path, char sum[LA_SUM_LENGTH + 1], struct la_error *error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return la_fail(error, "%s: %s", path, strerror(errno));
    XXH3_state_t *state = XXH3_createState();
    char *piece = la_alloc(PIECE, 1);
    ssize_t length = -1;
    XXH3_128bits_reset(state);
    while ((length = read(fd, piece, PIECE)) > 0)
        XXH3_128bits_update(state, piece, (size_t)length);
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(state));
    for (size_t i = 0; i < sizeof canonical.digest; i++)
        snprintf(sum + 2 * i, 3, "%02x", canonical.digest[i]);
    int failed = length < 0 ? la_fail(error, "%s: %s", path, strerror(errno)) : 0;
    XXH3_freeState(state);
    free(piece);
    close(fd);
    return failed;
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

/* Calls `visit` with each entry below a bundle that is no folder, by its path from there. */
static int each_file(const char *bundle, int (*visit)(void *context, const char *path, const char *name, bool file),
                     void *context, struct la_error *error)
{
    char *const roots[] = {(char *)bundle, NULL};
    FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, by_name);
    if (!tree)
        return la_fail(error, "%s: %s", bundle, strerror(errno));
    int result = 0;
    for (FTSENT *entry; !result && (entry = fts_read(tree));) {
        const char *name = entry->fts_path + strlen(bundle);
        name += strspn(name, "/");
        bool folder = entry->fts_info == FTS_D || entry->fts_info == FTS_DP;
        if (!folder && strcmp(name, SUMS) != 0 && !strchr(name, '\n')) /* one name is one line */
            result = visit(context, entry->fts_path, name, entry->fts_info == FTS_F);
    }
    fts_close(tree);
    return result;
}

static bool is_control(const char *name)
{
    const char *slash = strchr(name, '/');
    return slash && !strcmp(slash + 1, "control");
}

struct sealing {
    FILE *out;
    struct la_error *error;
};

static int seal_one(void *context, const char *path, const char *name, bool file)
{
    const struct sealing *sealing = context;
    char sum[LA_SUM_LENGTH + 1];
    if (!file) /* a socket that the server has left, say */
        return 0;
    if (is_control(name))
        la_thin(path); /* its log has room for far more than most runs need */
    if (la_evidence_sum(path, sum, sealing->error))
        return -1;
    fprintf(sealing->out, "%s  %s\n", sum, name);
    return 0;
}

int la_evidence_seal(const char *bundle, struct la_error *error)
{
    char path[LA_PATH_MAX];
    char *text = NULL;
    size_t length = 0;
    struct sealing sealing = {open_memstream(&text, &length), error};
    if (!sealing.out)
        return la_fail(error, "%s: no memory for checksums", bundle);
    int result = each_file(bundle, seal_one, &sealing, error);
    fclose(sealing.out);
    la_path(path, "%s/" SUMS, bundle);
    if (!result)
        result = la_output(path, -1, text, length, error);
    free(text);
    return result;
}

/* NODE/log, NODE/control, NODE/data/...: no verdict rests on them, and they may be removed to save room. */
static bool is_optional(const char *name)
{
    const char *slash = strchr(name, '/');
    const char *rest = slash ? slash + 1 : "";
    return !strcmp(rest, "log") || is_control(name) || !strncmp(rest, "data/", 5);
}

/* Lines of `sums`, each "SUM  NAME", sorted by name; they point into a text. */
struct checking {
    char **lines;
    size_t count;
    const char *bundle;
    bool renamed; /* something optional is there that has no line: one that is missing may be it, its line damaged */
    struct la_error *error;
};

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a + LA_SUM_LENGTH + 2, *(char *const *)b + LA_SUM_LENGTH + 2);
}

/* NODE/crash/..., and file.N of a recording: what a server is given; nothing may be there that the crash has not left.
 */
static bool is_crash(const char *name)
{
    const char *slash = strchr(name, '/');
    return (slash && !strncmp(slash + 1, "crash", 5)) || !strncmp(name, "file.", 5);
}

static int check_one(void *context, const char *path, const char *name, bool file)
{
    struct checking *checking = context;
    char sum[LA_SUM_LENGTH + 1];
    if (is_optional(name) && !file)
        return 0;
    char *key = la_format("%*s%s", LA_SUM_LENGTH + 2, "", name);
    char **line = checking->count
                      ? bsearch(&key, checking->lines, checking->count, sizeof *checking->lines, compare_names)
                      : NULL;
    free(key);
    checking->renamed = checking->renamed || (!line && is_optional(name));
    if (!line && (is_optional(name) || !is_crash(name)))
        return 0; /* somebody's note */
    if (!line)
        return la_fail(checking->error, "%s: damaged: it was not there when the run ended", path);
    if (!file)
        return la_fail(checking->error, "%s: damaged: it was a file when the run ended", path);
    if (la_evidence_sum(path, sum, checking->error))
        return -1;
    if (strncmp(*line, sum, LA_SUM_LENGTH) != 0)
        return la_fail(checking->error, "%s: damaged: it is not what it was when the run ended (its checksum differs)",
                       path);
    return 0;
}

static bool sound_line(const char *line)
{
    return strspn(line, "0123456789abcdef") == LA_SUM_LENGTH && !strncmp(line + LA_SUM_LENGTH, "  ", 2) &&
           line[LA_SUM_LENGTH + 2];
}

/* Takes the text apart. */
static int read_lines(struct checking *checking, char *text, size_t length)
{
    bool sound = length && strlen(text) == length && text[length - 1] == '\n';
    if (sound)
        text[length - 1] = '\0';
    for (char *line; sound && (line = strsep(&text, "\n"));) {
        sound = sound_line(line);
        checking->lines = la_realloc(checking->lines, checking->count + 1, sizeof *checking->lines);
        checking->lines[checking->count++] = line;
    }
    if (checking->count)
        qsort(checking->lines, checking->count, sizeof *checking->lines, compare_names);
    return sound ? 0 : la_fail(checking->error, "%s/" SUMS ": damaged", checking->bundle);
}

/* What was there then and had to stay. */
static int check_missing(const struct checking *checking)
{
    for (size_t i = 0; i < checking->count; i++) {
        char path[LA_PATH_MAX];
        struct stat st;
        const char *name = checking->lines[i] + LA_SUM_LENGTH + 2;
        la_path(path, "%s/%s", checking->bundle, name);
        bool may_miss = is_optional(name) && !checking->renamed;
        if (!may_miss && (lstat(path, &st) || !S_ISREG(st.st_mode)))
            return la_fail(checking->error, "%s: damaged: it is missing", path);
    }
    return 0;
}

/* Without checksums: what the run's own result says. */
static enum la_seal unsealed(const char *bundle)
{
    char path[LA_PATH_MAX];
    la_path(path, "%s/scenario.json", bundle);
    json_t *recorded = json_load_file(path, 0, NULL);
    bool old = recorded && !json_is_true(json_object_get(recorded, "sealed"));
    json_decref(recorded);
    return old ? LA_SEAL_OLD : LA_SEAL_UNFINISHED;
}

int la_evidence_check(const char *bundle, enum la_seal *seal, struct la_error *error)
{
    char path[LA_PATH_MAX];
    size_t length = 0;
    struct checking checking = {.bundle = bundle, .error = error};
    la_path(path, "%s/" SUMS, bundle);
    *seal = access(path, F_OK) ? unsealed(bundle) : LA_SEAL_WHOLE;
    if (*seal != LA_SEAL_WHOLE)
        return 0;
    char *text = la_read_file(path, SUMS_MAX, &length, error);
    if (!text)
        return -1;
    int result = read_lines(&checking, text, length) || each_file(bundle, check_one, &checking, error) ||
                         check_missing(&checking)
                     ? -1
                     : 0;
    free(checking.lines);
    free(text);
    return result;
}
